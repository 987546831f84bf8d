using Pith.Kernels.Reference;
using Pith.Kernels.Simd;

namespace Pith.Kernels.Tests.Fp32;

public unsafe class ConvFp32Tests
{
    private const double Tolerance = 1e-6;

    public static TheoryData<CpuFeatures> Levels => [IsaLevel.Portable, IsaLevel.Avx2, IsaLevel.Avx512Vnni];

    [Theory, MemberData(nameof(Levels))]
    public void Forward_equals_the_definition_around_tile_edges(CpuFeatures isa)
    {
        foreach (var width in new[] { 1, 2, 5, 6, 7, 13, 14, 15, 29 })
            foreach (var outputs in new[] { 1, 3, 8, 16, 17, 32, 33, 50 })
                Check(new ConvCase(N: 1, H: 3, W: width, C: 5, K: outputs), isa, default);
    }

    [Theory, MemberData(nameof(Levels))]
    public void Forward_equals_the_definition_for_every_geometry(CpuFeatures isa)
    {
        ConvCase[] cases =
        [
            new(2, 32, 32, 3, 16), new(3, 8, 8, 64, 64), new(1, 7, 7, 160, 48, R: 1, S: 1, Pad: 0),
            new(2, 17, 19, 8, 24, R: 1, S: 1, Pad: 0, Stride: 2), new(1, 30, 31, 3, 20, R: 7, S: 7, Pad: 3, Stride: 2),
            new(2, 12, 13, 6, 10, Dilation: 2, Pad: 2), new(1, 11, 9, 4, 6, R: 5, S: 2, Pad: 1), new(2, 9, 9, 7, 5, Pad: 0),
            new(1, 5, 5, 3, 4, R: 2, S: 2, Pad: 4, Stride: 3), new(1, 1, 1, 300, 40, R: 1, S: 1, Pad: 0),
            new(2, 6, 6, 12, 18, Groups: 3), new(1, 10, 10, 64, 64, Groups: 8), new(1, 8, 6, 6, 12, Groups: 6, Stride: 2),
            new(2, 9, 7, 11, 13, PixelSlack: 3), new(1, 9, 7, 11, 13, R: 1, S: 1, Pad: 0, PixelSlack: 5),
            new(2, 9, 17, 48, 48, Groups: 48), new(1, 15, 9, 5, 5, R: 5, S: 5, Pad: 2, Groups: 5), new(1, 14, 14, 33, 33, Stride: 2, Groups: 33),
            new(1, 20, 21, 64, 64, Pad: 0, Groups: 64), new(1, 7, 7, 32, 32, Groups: 32, PixelSlack: 9), new(1, 6, 5, 8, 8, Dilation: 3, Pad: 3, Groups: 8),
            new(1, 70, 300, 2, 3), new(1, 6, 6, 128, 40), new(1, 4, 4, 1024, 33, R: 1, S: 1, Pad: 0),
            new(3, 7, 5, 20, 19, R: 1, S: 1, Pad: 0, PadEnd: 1), new(2, 6, 6, 12, 18, R: 1, S: 1, Pad: 0, Groups: 3, PadEnd: 2), new(2, 7, 5, 4, 8, PadEnd: 1),
        ];
        foreach (var c in cases) Check(c, isa, default);
    }

    [Theory, MemberData(nameof(Levels))]
    public void Depthwise_results_that_are_stored_past_the_caches_equal_the_definition(CpuFeatures isa)
    {
        // More than CacheLines.StreamedBytes: dense, with gaps of whole lines, and with gaps that keep results in the caches.
        foreach (var slack in new[] { 0, 16, 9 }) Check(new ConvCase(N: 1, H: 259, W: 260, C: 32, K: 32, Groups: 32, PixelSlack: slack), isa, default);
    }

    [Theory, MemberData(nameof(Levels))]
    public void Forward_applies_bias_residual_and_activation_in_this_order(CpuFeatures isa)
    {
        foreach (var kind in Enum.GetValues<ActivationKind>())
            foreach (var outputs in new[] { 4, 19, 32 })
                Check(new ConvCase(N: 2, H: 4, W: 5, C: 6, K: outputs), isa, Activation.Default(kind), bias: true, residual: true);
        Check(new ConvCase(N: 1, H: 4, W: 5, C: 6, K: 20, PixelSlack: 7), isa, Activation.Clip(-0.25f, 0.5f), bias: true, residual: true);
        Check(new ConvCase(N: 1, H: 4, W: 15, C: 20, K: 20, Groups: 20), isa, Activation.Default(ActivationKind.Silu), bias: true, residual: true);
        Check(new ConvCase(N: 1, H: 4, W: 5, C: 6, K: 20), isa, default, bias: true);
        Check(new ConvCase(N: 1, H: 4, W: 5, C: 6, K: 20), isa, default, residual: true);
    }

    [Fact]
    public void Every_vector_width_gives_the_same_bits_where_fma_exists()
    {
        Assert.SkipUnless(TestDevice.Has(CpuFeatures.Avx2), "needs FMA");
        var c = new ConvCase(N: 2, H: 9, W: 17, C: 70, K: 37);
        var random = new Random(5);
        using var x = GuardedBuffer.Random(c.MapFloats(c.H, c.W, c.C), random);
        using var w = GuardedBuffer.Random(c.WeightCount, random);
        using var widest = new GuardedBuffer(c.MapFloats(c.OutH, c.OutW, c.K));
        using var narrower = new GuardedBuffer(widest.Length);
        Run(c, Isa.Detected, x, w, null, null, widest, Activation.Relu, slice: 1);
        foreach (var isa in new[] { IsaLevel.Avx2, IsaLevel.Portable })
        {
            Run(c, isa, x, w, null, null, narrower, Activation.Relu, slice: 2);
            Close.AssertSameBits(widest.Span, narrower.Span, (c, isa));
        }
    }

    private static void Check(ConvCase c, CpuFeatures isa, Activation activation, bool bias = false, bool residual = false)
    {
        var random = new Random(c.GetHashCode());
        using var x = GuardedBuffer.Random(c.MapFloats(c.H, c.W, c.C), random);
        using var w = GuardedBuffer.Random(c.WeightCount, random);
        using var b = bias ? GuardedBuffer.Random(c.K, random) : null;
        using var r = residual ? GuardedBuffer.Random(c.MapFloats(c.OutH, c.OutW, c.K), random) : null;
        using var expected = GuardedBuffer.Random(c.MapFloats(c.OutH, c.OutW, c.K), new Random(1));
        using var actual = GuardedBuffer.Random(expected.Length, new Random(1));
        using var again = GuardedBuffer.Random(expected.Length, new Random(1));
        using var magnitude = new GuardedBuffer(expected.Length);

        var args = Args(c, isa, x, b, r, expected, activation);
        ConvFp32Reference.Forward(&args, w.Pointer);
        Run(c, isa, x, w, b, r, actual, activation, slice: int.MaxValue);
        Run(c, isa, x, w, b, r, again, activation, slice: 1);
        foreach (var buffer in new[] { x, w, b, r })
        {
            if (buffer is not null) foreach (ref var value in buffer.Span) value = Math.Abs(value);
        }
        args = Args(c, isa, x, b, r, magnitude, default);
        ConvFp32Reference.Forward(&args, w.Pointer);

        Close.Assert(expected.Span, actual.Span, magnitude.Span, Tolerance, (c, isa, activation.Kind));
        Close.AssertSameBits(actual.Span, again.Span, (c, isa, activation.Kind));
        actual.Check();
    }

    private static void Run(
        ConvCase c, CpuFeatures isa, GuardedBuffer x, GuardedBuffer w, GuardedBuffer? b, GuardedBuffer? r, GuardedBuffer y, Activation activation, int slice)
    {
        var args = Args(c, isa, x, b, r, y, activation);
        using var packed = new GuardedBuffer(ConvFp32.PackedFloats(&args));
        args.PackedWeights = packed.Pointer;
        var items = ConvFp32.PackItems(&args);
        ConvFp32.Pack(&args, w.Pointer, items / 2, items);
        ConvFp32.Pack(&args, w.Pointer, 0, items / 2);
        var copy = args;
        ConvCase.RunInSlices(ConvFp32.WorkItems(&args), ConvFp32.WorkspaceFloats(&args), Math.Min(slice, 1 << 20), (begin, end, workspace) =>
        {
            var local = copy;
            ConvFp32.Run(&local, begin, end, workspace);
        });
        packed.Check();
    }

    private static ConvFp32Args Args(
        ConvCase c, CpuFeatures isa, GuardedBuffer x, GuardedBuffer? b, GuardedBuffer? r, GuardedBuffer y, Activation activation) => new()
    {
        X = c.InputMap(x.Pointer),
        Y = c.OutputMap(y.Pointer),
        Geometry = c.Geometry,
        Isa = isa,
        Bias = b is null ? null : b.Pointer,
        Residual = r is null ? default : c.OutputMap(r.Pointer),
        Activation = activation,
    };
}
