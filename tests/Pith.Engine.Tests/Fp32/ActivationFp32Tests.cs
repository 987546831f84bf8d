using Pith.Kernels.Reference;
using Pith.Kernels.Simd;

namespace Pith.Kernels.Tests.Fp32;

public unsafe class ActivationFp32Tests
{
    public static TheoryData<CpuFeatures> Levels => [IsaLevel.Portable, IsaLevel.Avx2, IsaLevel.Avx512Vnni];

    [Theory, MemberData(nameof(Levels))]
    public void Activations_equal_their_definitions(CpuFeatures isa)
    {
        const int count = 8001;
        using var x = new GuardedBuffer(count);
        using var y = new GuardedBuffer(count);
        using var one = new GuardedBuffer(1);
        one.Pointer[0] = 1;
        for (var i = 0; i < count; i++) x.Pointer[i] = (i - count / 2) * 0.003f;
        foreach (var kind in Enum.GetValues<ActivationKind>())
        {
            // A product of one column by the weight 1 is its activation.
            var args = GemmFp32Args.Dense(count, 1, 1, x.Pointer, y.Pointer, isa);
            using var packed = new GuardedBuffer(GemmFp32.PackedFloats(&args));
            using var workspace = new GuardedBuffer(GemmFp32.WorkspaceFloats(&args));
            args.PackedB = packed.Pointer;
            args.Activation = Activation.Default(kind);
            GemmFp32.Pack(&args, one.Pointer, 1, transposed: true, packed.Pointer, 0, 1);
            GemmFp32.Run(&args, 0, GemmFp32.WorkItems(&args), workspace.Pointer);
            for (var i = 0; i < count; i++)
            {
                var expected = ActivationReference.Apply(args.Activation, x.Pointer[i]);
                var close = Math.Abs(expected - y.Pointer[i]) <= 6e-7 * (1 + Math.Abs(expected));
                Expect.That(close, $"{isa} {kind}({x.Pointer[i]:R}) is {y.Pointer[i]:R}, expected {expected:R}");
            }
        }
    }

    [Fact]
    public void The_definitions_pass_nan_on_and_take_infinities()
    {
        foreach (var kind in Enum.GetValues<ActivationKind>())
        {
            Assert.True(double.IsNaN(ActivationReference.Apply(Activation.Default(kind), double.NaN)), $"{kind}");
            Assert.False(double.IsNaN(ActivationReference.Apply(Activation.Default(kind), double.PositiveInfinity)), $"{kind}");
        }
    }

    [Fact]
    public void Exponentials_end_in_zero_and_infinity()
    {
        foreach (var (x, expected) in new[] { (-200f, 0f), (200f, float.PositiveInfinity), (float.NegativeInfinity, 0), (0, 1), (88.5f, MathF.Exp(88.5f)), (-100f, MathF.Exp(-100f)) })
        {
            float result;
            Vec128.StorePartial(&result, 1, VecMath<Vec128>.Exp(Vec128.Broadcast(x)));
            Expect.That(expected == result || Math.Abs(expected - result) <= 3e-7f * expected + 1e-44f, $"exp({x}) is {result:R}, expected {expected:R}");
        }
    }
}
