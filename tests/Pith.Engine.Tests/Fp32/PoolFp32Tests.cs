using Pith.Kernels.Simd;
using Pith.Ops;

namespace Pith.Kernels.Tests.Fp32;

public unsafe class PoolFp32Tests
{
    public static TheoryData<CpuFeatures> Levels => [IsaLevel.Portable, IsaLevel.Avx2, IsaLevel.Avx512Vnni];

    private sealed record PoolCase(int N, int H, int W, int C, int Kernel, int Stride = 1, int Pad = 0, int Dilation = 1, bool CeilMode = false, bool CountPad = false, int Slack = 0)
    {
        public WindowAttributes Attributes => new()
        {
            KernelShape = [Kernel, Kernel],
            Strides = [Stride, Stride],
            Dilations = [Dilation, Dilation],
            Pads = [Pad, Pad, Pad, Pad],
            CeilMode = CeilMode,
        };

        public PoolWindow Window => PoolWindow.Square(Kernel, Stride, Pad) with { DilationH = Dilation, DilationW = Dilation };
    }

    private static readonly PoolCase[] Cases =
    [
        new(2, 8, 8, 16, 2, 2), new(1, 11, 9, 7, 3, 2, 1), new(2, 7, 8, 33, 3, 1, 1, CountPad: true), new(1, 10, 10, 5, 3, 2, 0, CeilMode: true),
        new(1, 10, 11, 5, 3, 2, 1, CeilMode: true, CountPad: true), new(1, 9, 9, 20, 2, 1, 0, Dilation: 2), new(1, 6, 6, 12, 3, 3, 1, Slack: 5), new(1, 5, 5, 3, 5, 1, 2),
    ];

    [Theory, MemberData(nameof(Levels))]
    public void Max_pool_and_its_gradient_equal_their_ops(CpuFeatures isa)
    {
        foreach (var c in Cases)
        {
            // Small integers, so that windows have ties.
            var x = RandomTensor(new Shape(c.N, c.C, c.H, c.W), 1, integers: true);
            var y = new MaxPool { Window = c.Attributes }.Evaluate([x], 1)[0].As<float>();
            var dy = RandomTensor(y.Shape, 2, integers: false);
            var dx = new MaxPoolGradient { Window = c.Attributes }.Evaluate([dy, x], 1)[0].As<float>();
            Check(c, isa, x, y, dy, dx, isMax: true);
        }
    }

    [Theory, MemberData(nameof(Levels))]
    public void Average_pool_and_its_gradient_equal_their_ops(CpuFeatures isa)
    {
        foreach (var c in Cases)
        {
            var x = RandomTensor(new Shape(c.N, c.C, c.H, c.W), 1, integers: false);
            var y = new AveragePool { Window = c.Attributes, CountIncludePad = c.CountPad }.Evaluate([x], 1)[0].As<float>();
            var dy = RandomTensor(y.Shape, 2, integers: false);
            var gradient = new AveragePoolGradient { Window = c.Attributes, CountIncludePad = c.CountPad, InputSizes = [c.H, c.W] };
            Check(c, isa, x, y, dy, gradient.Evaluate([dy], 1)[0].As<float>(), isMax: false);
        }
    }

    [Theory, MemberData(nameof(Levels))]
    public void Global_average_pool_and_its_gradient_equal_their_ops(CpuFeatures isa)
    {
        foreach (var (n, h, w, c) in new[] { (2, 7, 7, 16), (1, 1, 1, 3), (3, 5, 4, 100), (1, 30, 31, 65) })
        {
            var x = RandomTensor(new Shape(n, c, h, w), 1, integers: false);
            using var input = ChannelsLast(x, 2);
            using var result = new GuardedBuffer(n * c);
            var args = new GlobalAveragePoolFp32Args { X = MapOf(x.Shape, input, 2), Y = result.Pointer, Scale = 1f / (h * w), Isa = isa };
            for (var item = 0; item < GlobalAveragePoolFp32.WorkItems(&args); item++) GlobalAveragePoolFp32.Run(&args, item, item + 1);
            Close.Assert(new GlobalAveragePool().Evaluate([x], 1)[0].As<float>().Data, result.Span, Ones(n * c), 1e-6, (isa, n, h, w, c));

            GlobalAveragePoolFp32.RunGradient(&args, 0, GlobalAveragePoolFp32.WorkItems(&args));
            var dy = Tensor.Create(new Shape(n, c, 1, 1), result.Span.ToArray());
            var expected = new GlobalAveragePoolGradient { InputSizes = [h, w] }.Evaluate([dy], 1)[0].As<float>();
            Close.Assert(expected.Data, ChannelsFirst(input, x.Shape, 2), Ones(x.Length), 1e-6, (isa, n, h, w, c));
        }
    }

    private static void Check(PoolCase c, CpuFeatures isa, Tensor<float> x, Tensor<float> y, Tensor<float> dy, Tensor<float> dx, bool isMax)
    {
        using var input = ChannelsLast(x, c.Slack);
        using var output = ChannelsLast(dy, c.Slack);
        using var gradient = ChannelsLast(x, c.Slack);
        using var result = ChannelsLast(dy, c.Slack);
        var args = new PoolFp32Args
        {
            X = MapOf(x.Shape, input, c.Slack),
            Y = MapOf(y.Shape, result, c.Slack),
            Window = c.Window,
            Isa = isa,
            CountIncludePad = c.CountPad ? 1 : 0,
        };
        for (var item = 0; item < PoolFp32.WorkItems(&args); item++)
        {
            if (isMax) PoolFp32.RunMax(&args, item, item + 1);
            else PoolFp32.RunAverage(&args, item, item + 1);
        }
        Close.Assert(y.Data, ChannelsFirst(result, y.Shape, c.Slack), Ones(y.Length), isMax ? 0 : 1e-6, (c, isa));

        args.Y = MapOf(y.Shape, output, c.Slack);
        args.DX = MapOf(x.Shape, gradient, c.Slack);
        for (var item = 0; item < PoolFp32.GradientItems(&args); item++)
        {
            if (isMax) PoolFp32.RunMaxGradient(&args, item, item + 1);
            else PoolFp32.RunAverageGradient(&args, item, item + 1);
        }
        Close.Assert(dx.Data, ChannelsFirst(gradient, x.Shape, c.Slack), Ones(x.Length), 1e-6, (c, isa));
        gradient.Check();
    }

    private static Tensor<float> RandomTensor(Shape shape, int seed, bool integers)
    {
        var random = new Random(seed);
        var tensor = Tensor.Zeros<float>(shape);
        foreach (ref var value in tensor.Span) value = integers ? random.Next(-3, 4) : 2 * random.NextSingle() - 1;
        return tensor;
    }

    private static FeatureMap MapOf(Shape nchw, GuardedBuffer buffer, int slack) =>
        FeatureMap.Create(buffer.Pointer, nchw[0], nchw[2], nchw[3], nchw[1], nchw[1] + slack);

    private static GuardedBuffer ChannelsLast(Tensor<float> nchw, int slack)
    {
        var (n, c, h, w) = (nchw.Shape[0], nchw.Shape[1], nchw.Shape[2], nchw.Shape[3]);
        var buffer = new GuardedBuffer((long)n * h * w * (c + slack) - slack);
        for (var i = 0; i < nchw.Length; i++) buffer.Pointer[OffsetOf(i, c, h * w, slack)] = nchw.Data[i];
        return buffer;
    }

    private static float[] ChannelsFirst(GuardedBuffer buffer, Shape nchw, int slack)
    {
        var result = new float[nchw.Length];
        for (var i = 0; i < result.Length; i++) result[i] = buffer.Pointer[OffsetOf(i, nchw[1], nchw[2] * nchw[3], slack)];
        return result;
    }

    private static int OffsetOf(int index, int channels, int pixels, int slack)
    {
        int image = index / (channels * pixels), c = index / pixels % channels, pixel = index % pixels;
        return (image * pixels + pixel) * (channels + slack) + c;
    }

    private static float[] Ones(int count)
    {
        var ones = new float[count];
        Array.Fill(ones, 1f);
        return ones;
    }
}
