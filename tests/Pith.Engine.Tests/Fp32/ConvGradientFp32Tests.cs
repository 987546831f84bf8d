using Pith.Kernels.Reference;
using Pith.Kernels.Simd;

namespace Pith.Kernels.Tests.Fp32;

public unsafe class ConvGradientFp32Tests
{
    private const double Tolerance = 1e-6;

    public static TheoryData<CpuFeatures> Levels => [IsaLevel.Portable, IsaLevel.Avx2, IsaLevel.Avx512Vnni];

    private static readonly ConvCase[] Geometries =
    [
        new(2, 32, 32, 3, 16), new(3, 8, 8, 64, 64), new(2, 32, 8, 16, 16), new(4, 7, 7, 20, 48), new(1, 7, 7, 160, 48, R: 1, S: 1, Pad: 0),
        new(2, 16, 16, 16, 32, Stride: 2), new(2, 17, 19, 8, 24, R: 1, S: 1, Pad: 0, Stride: 2), new(1, 30, 31, 3, 20, R: 7, S: 7, Pad: 3, Stride: 2),
        new(2, 12, 13, 6, 10, Dilation: 2, Pad: 2), new(2, 12, 13, 6, 10, Dilation: 2, Pad: 1, Stride: 2), new(1, 14, 15, 4, 6, Dilation: 3, Pad: 2, Stride: 2),
        new(1, 11, 9, 4, 6, R: 5, S: 2, Pad: 1), new(2, 9, 9, 7, 5, Pad: 0), new(1, 5, 5, 3, 4, R: 2, S: 2, Pad: 4, Stride: 3),
        new(1, 8, 8, 3, 8, R: 4, S: 4, Pad: 0, Stride: 4), new(1, 9, 9, 3, 8, R: 2, S: 2, Pad: 0, Stride: 4),
        new(5, 1, 1, 100, 10, R: 1, S: 1, Pad: 0), new(2, 6, 6, 12, 18, Groups: 3), new(1, 10, 10, 64, 64, Groups: 8),
        new(1, 8, 6, 6, 12, Groups: 6, Stride: 2), new(2, 9, 7, 11, 13, PixelSlack: 3), new(1, 6, 6, 300, 40), new(20, 2, 3, 5, 6),
        new(2, 9, 17, 48, 48, Groups: 48), new(1, 15, 9, 5, 5, R: 5, S: 5, Pad: 2, Groups: 5), new(2, 14, 14, 33, 33, Stride: 2, Groups: 33),
        new(1, 20, 21, 64, 64, Pad: 0, Groups: 64), new(1, 7, 7, 32, 32, Groups: 32, PixelSlack: 9), new(1, 6, 5, 8, 8, Dilation: 3, Pad: 3, Groups: 8),
        new(1, 13, 12, 10, 10, R: 1, S: 1, Pad: 0, Stride: 2, Groups: 10),
    ];

    [Theory, MemberData(nameof(Levels))]
    public void Input_gradient_equals_the_definition(CpuFeatures isa)
    {
        foreach (var c in Geometries)
        {
            CheckInputGradient(c, isa, residual: false);
            CheckInputGradient(c, isa, residual: true);
        }
    }

    [Theory, MemberData(nameof(Levels))]
    public void Weight_gradient_equals_the_definition(CpuFeatures isa)
    {
        foreach (var c in Geometries) CheckWeightGradient(c, isa);
    }

    [Fact]
    public void Weight_gradient_has_the_same_bits_for_every_vector_width()
    {
        Assert.SkipUnless(TestDevice.Has(CpuFeatures.Avx2), "needs FMA");
        var c = new ConvCase(N: 5, H: 9, W: 17, C: 37, K: 30);
        var random = new Random(5);
        using var x = GuardedBuffer.Random(c.MapFloats(c.H, c.W, c.C), random);
        using var dy = GuardedBuffer.Random(c.MapFloats(c.OutH, c.OutW, c.K), random);
        using var widest = new GuardedBuffer(c.WeightCount);
        using var narrower = new GuardedBuffer(c.WeightCount);
        WeightGradient(c, Isa.Detected, x, dy, widest, slice: 1);
        foreach (var isa in new[] { IsaLevel.Avx2, IsaLevel.Portable })
        {
            WeightGradient(c, isa, x, dy, narrower, slice: 2);
            Close.AssertSameBits(widest.Span, narrower.Span, (c, isa));
        }
    }

    private static void CheckInputGradient(ConvCase c, CpuFeatures isa, bool residual)
    {
        var random = new Random(c.GetHashCode());
        using var dy = GuardedBuffer.Random(c.MapFloats(c.OutH, c.OutW, c.K), random);
        using var weights = GuardedBuffer.Random(c.WeightCount, random);
        using var other = residual ? GuardedBuffer.Random(c.MapFloats(c.H, c.W, c.C), random) : null;
        using var expected = GuardedBuffer.Random(c.MapFloats(c.H, c.W, c.C), new Random(1));
        using var actual = GuardedBuffer.Random(expected.Length, new Random(1));
        using var again = GuardedBuffer.Random(expected.Length, new Random(1));
        using var magnitude = new GuardedBuffer(expected.Length);

        var args = InputGradientArgs(c, isa, dy, other, expected);
        ConvFp32Reference.InputGradient(&args, weights.Pointer);
        InputGradient(c, isa, dy, weights, other, actual, slice: 1 << 20);
        InputGradient(c, isa, dy, weights, other, again, slice: 1);
        foreach (var buffer in new[] { dy, weights, other })
        {
            if (buffer is not null) foreach (ref var value in buffer.Span) value = Math.Abs(value);
        }
        args = InputGradientArgs(c, isa, dy, other, magnitude);
        ConvFp32Reference.InputGradient(&args, weights.Pointer);

        Close.Assert(expected.Span, actual.Span, magnitude.Span, Tolerance, (c, isa, residual));
        Close.AssertSameBits(actual.Span, again.Span, (c, isa, residual));
        actual.Check();
    }

    private static void CheckWeightGradient(ConvCase c, CpuFeatures isa)
    {
        var random = new Random(c.GetHashCode());
        using var x = GuardedBuffer.Random(c.MapFloats(c.H, c.W, c.C), random);
        using var dy = GuardedBuffer.Random(c.MapFloats(c.OutH, c.OutW, c.K), random);
        using var expected = new GuardedBuffer(c.WeightCount);
        using var actual = new GuardedBuffer(c.WeightCount);
        using var again = new GuardedBuffer(c.WeightCount);
        using var magnitude = new GuardedBuffer(c.WeightCount);

        var args = WeightGradientArgs(c, isa, x, dy, expected);
        ConvFp32Reference.WeightGradient(&args);
        WeightGradient(c, isa, x, dy, actual, slice: 1 << 20);
        WeightGradient(c, isa, x, dy, again, slice: 1);
        foreach (var buffer in new[] { x, dy })
        {
            foreach (ref var value in buffer.Span) value = Math.Abs(value);
        }
        args = WeightGradientArgs(c, isa, x, dy, magnitude);
        ConvFp32Reference.WeightGradient(&args);

        Close.Assert(expected.Span, actual.Span, magnitude.Span, Tolerance, (c, isa));
        Close.AssertSameBits(actual.Span, again.Span, (c, isa));
        actual.Check();
    }

    private static void InputGradient(
        ConvCase c, CpuFeatures isa, GuardedBuffer dy, GuardedBuffer weights, GuardedBuffer? residual, GuardedBuffer dx, int slice)
    {
        var args = InputGradientArgs(c, isa, dy, residual, dx);
        using var packed = new GuardedBuffer(ConvInputGradFp32.PackedFloats(&args));
        args.PackedWeights = packed.Pointer;
        var items = ConvInputGradFp32.PackItems(&args);
        for (var begin = 0; begin < items; begin += 3) ConvInputGradFp32.Pack(&args, weights.Pointer, begin, Math.Min(items, begin + 3));
        var copy = args;
        ConvCase.RunInSlices(ConvInputGradFp32.WorkItems(&args), ConvInputGradFp32.WorkspaceFloats(&args), slice, (begin, end, workspace) =>
        {
            var local = copy;
            ConvInputGradFp32.Run(&local, begin, end, workspace);
        });
        packed.Check();
    }

    private static void WeightGradient(ConvCase c, CpuFeatures isa, GuardedBuffer x, GuardedBuffer dy, GuardedBuffer dw, int slice)
    {
        var args = WeightGradientArgs(c, isa, x, dy, dw);
        using var partials = new GuardedBuffer(ConvWeightGradFp32.PartialFloats(&args));
        partials.Span.Fill(float.NaN);
        args.Partials = partials.Pointer;
        var copy = args;
        ConvCase.RunInSlices(ConvWeightGradFp32.AccumulateItems(&args), ConvWeightGradFp32.WorkspaceFloats(&args), slice, (begin, end, workspace) =>
        {
            var local = copy;
            ConvWeightGradFp32.Accumulate(&local, begin, end, workspace);
        });
        ConvCase.RunInSlices(ConvWeightGradFp32.ReduceItems(&args), 0, slice, (begin, end, _) =>
        {
            var local = copy;
            ConvWeightGradFp32.Reduce(&local, begin, end);
        });
        partials.Check();
    }

    private static ConvInputGradFp32Args InputGradientArgs(ConvCase c, CpuFeatures isa, GuardedBuffer dy, GuardedBuffer? residual, GuardedBuffer dx) => new()
    {
        DY = c.OutputMap(dy.Pointer),
        DX = c.InputMap(dx.Pointer),
        Geometry = c.Geometry,
        Isa = isa,
        Residual = residual is null ? default : c.InputMap(residual.Pointer),
    };

    private static ConvWeightGradFp32Args WeightGradientArgs(ConvCase c, CpuFeatures isa, GuardedBuffer x, GuardedBuffer dy, GuardedBuffer dw) => new()
    {
        X = c.InputMap(x.Pointer),
        DY = c.OutputMap(dy.Pointer),
        Geometry = c.Geometry,
        Isa = isa,
        DW = dw.Pointer,
    };
}
