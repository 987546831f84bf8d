using Pith.Kernels.Simd;
using Pith.Ops;

namespace Pith.Kernels.Tests.Fp32;

public unsafe class NormalizationFp32Tests
{
    private const float Epsilon = 1e-5f;

    public static TheoryData<CpuFeatures> Levels => [IsaLevel.Portable, IsaLevel.Avx2, IsaLevel.Avx512Vnni];

    // Pixels by channels around vector widths, chunks and partial counts.
    private static readonly (int Pixels, int Channels)[] Shapes = [(1, 1), (2, 3), (7, 16), (50, 17), (600, 33), (5000, 16), (300, 200), (9000, 4)];

    [Theory, MemberData(nameof(Levels))]
    public void Batch_norm_equals_its_op(CpuFeatures isa)
    {
        foreach (var (pixels, channels) in Shapes)
        {
            var random = new Random(pixels + channels);
            using var x = GuardedBuffer.Random((long)pixels * channels, random, -3, 5);
            using var gamma = GuardedBuffer.Random(channels, random);
            using var beta = GuardedBuffer.Random(channels, random);
            using var result = new BatchNormResult(pixels, channels);
            Forward(isa, x, gamma, beta, null, result, default);
            var expected = new BatchNormTraining().Evaluate([Map(x, pixels, channels), Vector(gamma), Vector(beta)], 3);
            Near(expected[0], result.Y, 2e-5, (isa, pixels, channels));
            Near(expected[1], result.Mean, 1e-6, (isa, pixels, channels));
            Near(expected[2], result.Variance, 1e-5, (isa, pixels, channels));
        }
    }

    [Theory, MemberData(nameof(Levels))]
    public void A_large_mean_costs_the_variance_no_digits(CpuFeatures isa)
    {
        const int pixels = 20000, channels = 3;
        using var x = GuardedBuffer.Random((long)pixels * channels, new Random(2), 4096, 4097);
        using var ones = GuardedBuffer.Random(channels, new Random(2), 1, 1);
        using var result = new BatchNormResult(pixels, channels);
        Forward(isa, x, ones, ones, null, result, default);
        var expected = new BatchNormTraining().Evaluate([Map(x, pixels, channels), Vector(ones), Vector(ones)], 3);
        Near(expected[2], result.Variance, 1e-4, isa);
    }

    [Theory, MemberData(nameof(Levels))]
    public void Residual_and_relu_follow_batch_norm_and_mask_its_gradient(CpuFeatures isa)
    {
        foreach (var (pixels, channels) in Shapes)
        {
            var random = new Random(pixels + channels);
            using var x = GuardedBuffer.Random((long)pixels * channels, random);
            using var residual = GuardedBuffer.Random(x.Length, random);
            using var dy = GuardedBuffer.Random(x.Length, random);
            using var gamma = GuardedBuffer.Random(channels, random);
            using var beta = GuardedBuffer.Random(channels, random);
            using var plain = new BatchNormResult(pixels, channels);
            using var fused = new BatchNormResult(pixels, channels);
            Forward(isa, x, gamma, beta, null, plain, default);
            Forward(isa, x, gamma, beta, residual, fused, Activation.Relu);
            for (var i = 0; i < x.Length; i++) Assert.Equal(Math.Max(0, plain.Y.Pointer[i] + residual.Pointer[i]), fused.Y.Pointer[i]);

            using var masked = new GuardedBuffer(x.Length);
            for (var i = 0; i < x.Length; i++) masked.Pointer[i] = fused.Y.Pointer[i] > 0 ? dy.Pointer[i] : 0;
            using var expected = new BatchNormGradient(pixels, channels);
            using var actual = new BatchNormGradient(pixels, channels);
            Gradient(isa, x, masked, gamma, plain, null, expected, frozen: false);
            Gradient(isa, x, dy, gamma, plain, fused.Y, actual, frozen: false);
            Close.AssertSameBits(expected.DX.Span, actual.DX.Span, (isa, pixels, channels));
            Close.AssertSameBits(expected.DGamma.Span, actual.DGamma.Span, (isa, pixels, channels));
            Close.AssertSameBits(expected.DBeta.Span, actual.DBeta.Span, (isa, pixels, channels));
            Close.AssertSameBits(masked.Span, actual.DResidual.Span, (isa, pixels, channels));
        }
    }

    [Theory, MemberData(nameof(Levels))]
    public void Results_that_are_stored_past_the_caches_have_the_same_bits(CpuFeatures isa)
    {
        // More than CacheLines.StreamedBytes; results of one more float begin at an address that is not aligned, which keeps them in the caches.
        const int pixels = 66000, channels = 32;
        var random = new Random(8);
        using var x = GuardedBuffer.Random((long)pixels * channels, random);
        using var dy = GuardedBuffer.Random(x.Length, random);
        using var gamma = GuardedBuffer.Random(channels, random);
        using var beta = GuardedBuffer.Random(channels, random);
        foreach (var residual in new[] { null, dy })
        {
            using var streamed = new BatchNormResult(pixels, channels);
            using var cached = new BatchNormResult(pixels, channels, More: 1);
            Forward(isa, x, gamma, beta, residual, streamed, Activation.Relu);
            Forward(isa, x, gamma, beta, residual, cached, Activation.Relu);
            Close.AssertSameBits(cached.Y.Span[..^1], streamed.Y.Span, (isa, residual));
            using var streamedGradient = new BatchNormGradient(pixels, channels);
            using var cachedGradient = new BatchNormGradient(pixels, channels, More: 1);
            Gradient(isa, x, dy, gamma, streamed, residual, streamedGradient, frozen: false);
            Gradient(isa, x, dy, gamma, streamed, residual, cachedGradient, frozen: false);
            Close.AssertSameBits(cachedGradient.DX.Span[..^1], streamedGradient.DX.Span, (isa, residual));
        }
    }

    [Theory, MemberData(nameof(Levels))]
    public void Gradient_of_batch_norm_equals_its_op(CpuFeatures isa)
    {
        foreach (var (pixels, channels) in Shapes)
            foreach (var frozen in new[] { false, true })
            {
                var random = new Random(pixels + channels);
                using var x = GuardedBuffer.Random((long)pixels * channels, random);
                using var dy = GuardedBuffer.Random(x.Length, random);
                using var gamma = GuardedBuffer.Random(channels, random);
                using var statistics = new BatchNormResult(pixels, channels);
                Forward(isa, x, gamma, gamma, null, statistics, default);
                using var actual = new BatchNormGradient(pixels, channels);
                Gradient(isa, x, dy, gamma, statistics, null, actual, frozen);
                var expected = new Ops.BatchNormGradient { FrozenStatistics = frozen }.Evaluate(
                    [Map(dy, pixels, channels), Map(x, pixels, channels), Vector(gamma), Vector(statistics.Mean), Vector(statistics.Variance)], 3);
                // With one or two pixels the variance is near epsilon and the gradient is a difference of large numbers.
                if (pixels > 2) Near(expected[0], actual.DX, 1e-4, (isa, pixels, channels, frozen));
                Near(expected[1], actual.DGamma, 1e-5 * Math.Sqrt(pixels), (isa, pixels, channels, frozen));
                Near(expected[2], actual.DBeta, 1e-5 * Math.Sqrt(pixels), (isa, pixels, channels, frozen));
            }
    }

    [Theory, MemberData(nameof(Levels))]
    public void Channel_sums_equal_plain_sums(CpuFeatures isa)
    {
        foreach (var (pixels, channels) in Shapes)
        {
            using var x = GuardedBuffer.Random((long)pixels * channels, new Random(3));
            using var sums = new GuardedBuffer(channels);
            var args = new ChannelSumFp32Args { Pixels = pixels, Channels = channels, X = x.Pointer, Sums = sums.Pointer, Isa = isa };
            using var partials = new GuardedBuffer(ChannelSumFp32.PartialFloats(&args));
            args.Partials = partials.Pointer;
            var items = ChannelSumFp32.Items(&args);
            for (var item = items; item-- > 0;) ChannelSumFp32.Accumulate(&args, item, item + 1);
            ChannelSumFp32.Combine(&args);
            for (var c = 0; c < channels; c++)
            {
                double sum = 0;
                for (var p = 0; p < pixels; p++) sum += x.Pointer[p * channels + c];
                Assert.Equal(sum, sums.Pointer[c], 1e-5 * Math.Sqrt(pixels));
            }
        }
    }

    [Theory, MemberData(nameof(Levels))]
    public void Softmax_and_its_gradient_equal_their_ops(CpuFeatures isa)
    {
        foreach (var (rows, columns) in new[] { (1, 1), (3, 10), (5, 16), (2, 1000), (700, 17) })
            foreach (var logarithm in new[] { false, true })
            {
                using var x = GuardedBuffer.Random((long)rows * columns, new Random(4), -30, 30);
                using var dy = GuardedBuffer.Random(x.Length, new Random(5));
                using var y = new GuardedBuffer(x.Length);
                using var dx = new GuardedBuffer(x.Length);
                var args = new SoftmaxFp32Args { Rows = rows, Columns = columns, X = x.Pointer, Y = y.Pointer, Isa = isa, Logarithm = logarithm ? 1 : 0 };
                for (var item = 0; item < SoftmaxFp32.WorkItems(&args); item++) SoftmaxFp32.Run(&args, item, item + 1);
                Op forward = logarithm ? new LogSoftmax() : new Softmax();
                Near(forward.Evaluate([Map(x, rows, columns)], 1)[0], y, logarithm ? 1e-5 : 1e-6, (isa, rows, columns, logarithm));

                args = new SoftmaxFp32Args { Rows = rows, Columns = columns, X = y.Pointer, DY = dy.Pointer, Y = dx.Pointer, Isa = isa, Logarithm = logarithm ? 1 : 0 };
                for (var item = 0; item < SoftmaxFp32.WorkItems(&args); item++) SoftmaxFp32.RunGradient(&args, item, item + 1);
                var expected = new SoftmaxGradient { OfLogarithm = logarithm }.Evaluate([Map(dy, rows, columns), Map(y, rows, columns)], 1)[0];
                Near(expected, dx, 1e-5, (isa, rows, columns, logarithm));
            }
    }

    [Theory, MemberData(nameof(Levels))]
    public void Layer_normalization_equals_its_op(CpuFeatures isa)
    {
        foreach (var (rows, columns) in new[] { (1, 1), (3, 3), (5, 16), (9, 31), (2, 1000), (700, 17), (3, 10000), (4, 192), (3, 71) })
            foreach (var hasBias in new[] { false, true })
            {
                using var x = GuardedBuffer.Random((long)rows * columns, new Random(6), -3, 5);
                using var scale = GuardedBuffer.Random(columns, new Random(7));
                using var bias = GuardedBuffer.Random(columns, new Random(8));
                Near(LayerNorm(isa, rows, columns, x, scale, hasBias ? bias : null), 2e-6, (isa, rows, columns, hasBias));
            }
    }

    [Theory, MemberData(nameof(Levels))]
    public void A_large_mean_costs_layer_normalization_no_digits(CpuFeatures isa)
    {
        using var x = GuardedBuffer.Random(7 * 20001, new Random(2), 4096, 4097);
        using var ones = GuardedBuffer.Random(20001, new Random(2), 1, 1);
        Near(LayerNorm(isa, 7, 20001, x, ones, null), 2e-6, isa);
    }

    [Theory, MemberData(nameof(Levels))]
    public void Rows_without_variance_become_the_bias(CpuFeatures isa)
    {
        foreach (var columns in new[] { 7, 71, 1000, 100003 })
            foreach (var value in new[] { 1f / 3, 123456792f, 987654336f })
            {
                using var x = GuardedBuffer.Random(columns, new Random(1), value, value);
                using var scale = GuardedBuffer.Random(columns, new Random(7));
                using var bias = GuardedBuffer.Random(columns, new Random(8));
                var (_, actual) = LayerNorm(isa, 1, columns, x, scale, bias);
                for (var i = 0; i < columns; i++) Assert.Equal(bias.Pointer[i], actual[i], 1e-3f);
            }
    }

    // The op's result and the kernel's.
    private static (Tensor Expected, float[] Actual) LayerNorm(CpuFeatures isa, int rows, int columns, GuardedBuffer x, GuardedBuffer scale, GuardedBuffer? bias)
    {
        using var y = new GuardedBuffer(x.Length);
        var args = new LayerNormFp32Args { Rows = rows, Columns = columns, X = x.Pointer, Y = y.Pointer, Scale = scale.Pointer, Bias = bias is null ? null : bias.Pointer, Epsilon = Epsilon, Isa = isa };
        for (var item = LayerNormFp32.WorkItems(&args); item-- > 0;) LayerNormFp32.Run(&args, item, item + 1);
        y.Check();
        var expected = new LayerNormalization { Epsilon = Epsilon }.Evaluate([Map(x, rows, columns), Vector(scale), bias is null ? null : Vector(bias)], 1)[0];
        return (expected, y.Span.ToArray());
    }

    [Theory, MemberData(nameof(Levels))]
    public void Sums_along_axes_equal_plain_sums(CpuFeatures isa)
    {
        foreach (var (outer, rows, columns, inner) in new[] { (1, 1, 1, 1), (3, 1, 7, 1), (700, 2, 33, 1), (2, 3, 10000, 1), (5, 1, 64, 1), (1, 1, 196, 192), (3, 4, 9, 17), (2, 1, 3, 130) })
        {
            using var x = GuardedBuffer.Random((long)outer * rows * columns * inner, new Random(9));
            using var y = new GuardedBuffer(outer * inner);
            var args = new AxisSumFp32Args { Outer = outer, Rows = rows, Columns = columns, Inner = inner, X = x.Pointer, Y = y.Pointer, Factor = 0.5f, Isa = isa };
            for (var item = AxisSumFp32.WorkItems(&args); item-- > 0;) AxisSumFp32.Run(&args, item, item + 1);
            y.Check();
            var length = rows * columns;
            for (var i = 0; i < y.Length; i++)
            {
                double sum = 0;
                for (var j = 0; j < length; j++) sum += x.Pointer[(i / inner * length + j) * inner + i % inner];
                Assert.Equal(sum / 2, y.Pointer[i], 1e-6 * Math.Sqrt(length));
            }
        }
    }

    private sealed record BatchNormResult(int Pixels, int Channels, int More = 0) : IDisposable
    {
        public GuardedBuffer Y { get; } = new((long)Pixels * Channels + More);
        public GuardedBuffer Mean { get; } = new(Channels);
        public GuardedBuffer Variance { get; } = new(Channels);

        public void Dispose()
        {
            Y.Check();
            Y.Dispose();
            Mean.Dispose();
            Variance.Dispose();
        }
    }

    private sealed record BatchNormGradient(int Pixels, int Channels, int More = 0) : IDisposable
    {
        public GuardedBuffer DX { get; } = new((long)Pixels * Channels + More);
        public GuardedBuffer DResidual { get; } = new((long)Pixels * Channels);
        public GuardedBuffer DGamma { get; } = new(Channels);
        public GuardedBuffer DBeta { get; } = new(Channels);

        public void Dispose()
        {
            DX.Check();
            DX.Dispose();
            DResidual.Dispose();
            DGamma.Dispose();
            DBeta.Dispose();
        }
    }

    private static void Forward(
        CpuFeatures isa, GuardedBuffer x, GuardedBuffer gamma, GuardedBuffer beta, GuardedBuffer? residual, BatchNormResult result, Activation activation)
    {
        var args = new BatchNormFp32Args
        {
            Pixels = result.Pixels,
            Channels = result.Channels,
            X = x.Pointer,
            Y = result.Y.Pointer,
            Gamma = gamma.Pointer,
            Beta = beta.Pointer,
            Mean = result.Mean.Pointer,
            Variance = result.Variance.Pointer,
            Epsilon = Epsilon,
            Isa = isa,
            Residual = residual is null ? null : residual.Pointer,
            Activation = activation,
        };
        using var partials = new GuardedBuffer(BatchNormFp32.PartialFloats(&args));
        args.Partials = partials.Pointer;
        var items = BatchNormFp32.Items(&args);
        for (var item = items; item-- > 0;) BatchNormFp32.Measure(&args, item, item + 1);
        BatchNormFp32.Combine(&args);
        BatchNormFp32.Normalize(&args, items / 2, items);
        BatchNormFp32.Normalize(&args, 0, items / 2);
    }

    private static void Gradient(
        CpuFeatures isa, GuardedBuffer x, GuardedBuffer dy, GuardedBuffer gamma, BatchNormResult statistics, GuardedBuffer? reluOutput, BatchNormGradient result, bool frozen)
    {
        var args = new BatchNormGradFp32Args
        {
            Pixels = result.Pixels,
            Channels = result.Channels,
            X = x.Pointer,
            DY = dy.Pointer,
            DX = result.DX.Pointer,
            Gamma = gamma.Pointer,
            Mean = statistics.Mean.Pointer,
            Variance = statistics.Variance.Pointer,
            DGamma = result.DGamma.Pointer,
            DBeta = result.DBeta.Pointer,
            Epsilon = Epsilon,
            Isa = isa,
            Gate = reluOutput is null ? null : reluOutput.Pointer,
            GateUpper = float.PositiveInfinity,
            DResidual = reluOutput is null ? null : result.DResidual.Pointer,
            FrozenStatistics = frozen ? 1 : 0,
        };
        using var partials = new GuardedBuffer(BatchNormGradFp32.PartialFloats(&args));
        args.Partials = partials.Pointer;
        var items = BatchNormGradFp32.Items(&args);
        for (var item = items; item-- > 0;) BatchNormGradFp32.Accumulate(&args, item, item + 1);
        BatchNormGradFp32.Combine(&args);
        BatchNormGradFp32.Propagate(&args, items / 2, items);
        BatchNormGradFp32.Propagate(&args, 0, items / 2);
    }

    private static Tensor<float> Map(GuardedBuffer buffer, int rows, int columns) => Tensor.Create(new Shape(rows, columns), buffer.Span.ToArray());

    private static Tensor<float> Vector(GuardedBuffer buffer) => Tensor.Vector<float>(buffer.Span);

    private static void Near(Tensor expected, GuardedBuffer actual, double tolerance, object repro) => Near((expected, actual.Span[..expected.Shape.Length].ToArray()), tolerance, repro);

    private static void Near((Tensor Expected, float[] Actual) results, double tolerance, object repro)
    {
        var values = results.Expected.As<float>().Data;
        for (var i = 0; i < values.Length; i++)
        {
            if (Math.Abs((double)values[i] - results.Actual[i]) <= tolerance * (1 + Math.Abs(values[i]))) continue;
            Assert.Fail($"{repro}: element {i} is {results.Actual[i]:R}, expected {values[i]:R}");
        }
    }
}
