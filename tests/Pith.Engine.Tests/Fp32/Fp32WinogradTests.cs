using System.Runtime.Intrinsics;
using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Ops;

namespace Pith.EngineTests.Fp32;

/// <summary>Winograd's convolution in floats against sums in double precision: the edges of tiles, panels and blocks, all epilogues, between guard pages, and the same bits at all batches and threads.</summary>
public class Fp32WinogradTests
{
    // What WinogradPoints states, and as much again, of the largest sum of absolute products of a channel: a tile's error is that of its largest output. Activations have an error of their own.
    private const double Tolerance2 = 4e-7, Tolerance4 = 1e-6, ActivationTolerance = 1e-6;

    private static readonly int[] s_channels = [24, 25, 31, 32, 40, 48, 65];
    private static readonly int[] s_outChannels = [24, 31, 32, 33, 48, 70, 100];
    private static readonly int[] s_sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 17];

    public static TheoryData<int> Tiles() => [2, 4];

    [Theory]
    [MemberData(nameof(Tiles))]
    public void It_agrees_with_the_exact_sums_for_all_shapes_and_epilogues(int outputs)
    {
        SkipWithoutAvx512();
        for (var seed = 1; seed <= 80; seed++)
        {
            var random = new Random(seed);
            var (channels, outChannels, height, width, images) = (Pick(random, s_channels), Pick(random, s_outChannels), Pick(random, s_sizes), Pick(random, s_sizes), random.Next(1, 5));
            // Paddings may differ on all sides; what is left is a tile at least.
            var pads = Enumerable.Range(0, 4).Select(_ => random.Next(3)).ToArray();
            while (height + pads[0] + pads[2] < outputs + 2) pads[random.Next(2) * 2]++;
            while (width + pads[1] + pads[3] < outputs + 2) pads[1 + random.Next(2) * 2]++;
            new Case(random, channels, outChannels, height, width, images, pads, Epilogue.At(seed)).Check(outputs, $"seed {seed}");
        }
    }

    // Blocks of 32 tiles and more, by the channels: one, several, equal and unequal ones; panels that are shared out among threads.
    [Theory]
    [InlineData(2, 24, 24, 22, 2)]
    [InlineData(4, 64, 64, 28, 3)]
    [InlineData(4, 24, 32, 56, 1)]
    [InlineData(4, 130, 200, 14, 3)]
    [InlineData(2, 130, 200, 7, 2)]
    [InlineData(4, 300, 24, 7, 9)]
    public void It_agrees_with_the_exact_sums_for_all_numbers_of_tiles(int outputs, int channels, int outChannels, int size, int images)
    {
        SkipWithoutAvx512();
        new Case(new Random(channels), channels, outChannels, size, size, images, [1, 1, 1, 1], new Epilogue("relu", HasResidual: true)).Check(outputs, "");
    }

    // Errors of layers after each other, image by image and as a batch.
    [Fact]
    public void A_residual_network_agrees_with_the_loops()
    {
        SkipWithoutAvx512();
        var random = new Random(7);
        var graph = new Graph();
        Value Conv(Value x, int channels, int outChannels) =>
            graph.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) with { KernelShape = [] } }, x, Weights(random, graph, outChannels, channels, 3, 2.5f / MathF.Sqrt(9 * channels)));
        var x = graph.Add(new Relu(), Conv(graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 18, 18)), 3, 40));
        for (var block = 0; block < 5; block++)
        {
            var branch = Conv(graph.Add(new Relu(), Conv(x, 40, 40)), 40, 40);
            x = graph.Add(new Relu(), graph.Add(new Add(), branch, x));
        }
        graph.AddOutput(x);
        const int Images = 3;
        var options = new EngineOptions { MaxBatch = Images, TimeTactics = false };
        using var reference = EngineBuilder.Build(graph, options with { ReferenceOnly = true });
        using var engine = EngineBuilder.Build(graph, options, TestDevice.At(IsaLevel.Avx512Vnni));
        Assert.Equal(10, engine.Layers.Count(layer => layer.Tactic.StartsWith("fp32-winograd", StringComparison.Ordinal)));
        var input = Tensor.Zeros<float>(new Shape(Images, 3, 18, 18));
        foreach (ref var value in input.Span) value = random.NextSingle() * 2 - 1;
        using var slow = new GuardedRun(reference);
        using var fast = new GuardedRun(engine);
        var (want, got) = (slow.Run(input), fast.Run(input));
        var largest = want.Max();
        for (var i = 0; i < want.Length; i++) Expect.That(Math.Abs(want[i] - got[i]) <= 3e-6 * largest, $"element {i} of values up to {largest}: expected {want[i]:R}, got {got[i]:R}");
    }

    [Fact]
    public void What_it_cannot_do_or_not_do_better_is_refused_with_the_reason()
    {
        SkipWithoutAvx512();
        Refuses("3x3 windows of stride 1", 32, 32, 8, WindowAttributes.Uniform(3, 2, 1));
        Refuses("3x3 windows of stride 1", 32, 32, 8, WindowAttributes.Uniform(5, 1, 2));
        Refuses("3x3 windows of stride 1", 32, 32, 8, WindowAttributes.Uniform(3, 1, 1), groups: 2);
        Refuses("fewer than 24 channels", 16, 32, 8, WindowAttributes.Uniform(3, 1, 1));
        Refuses("fewer than 24 channels", 32, 16, 8, WindowAttributes.Uniform(3, 1, 1));
        Refuses("smaller than a tile", 32, 32, 3, WindowAttributes.Uniform(3, 1, 1));
        Refuses("padding in memory", 32, 32, 8, WindowAttributes.Uniform(3, 1, 1), hasAnotherReader: true);
    }

    // A float simulation of quantization has to keep exact sums.
    [Fact]
    public void Simulated_quantization_keeps_plain_sums()
    {
        SkipWithoutAvx512();
        var graph = new Graph();
        var random = new Random(1);
        var x = graph.Add(new Conv(), graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 32, 16, 16)), Weights(random, graph, 32, 32, 1));
        graph.AddOutput(graph.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) with { KernelShape = [] } }, x, Weights(random, graph, 32, 32, 3)));
        foreach (var literal in (bool[])[false, true])
        {
            using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false, Literal = literal }, TestDevice.At(IsaLevel.Avx512Vnni));
            Assert.Equal(literal ? "fp32-avx512" : "fp32-winograd4-avx512", engine.Layers.Last(layer => layer.Spec.Kind == LayerKind.Conv).Tactic);
        }
    }

    // Evaluation and training choose by estimate, and promise the same bits for any number of threads and any batch.
    [Fact]
    public void Estimates_choose_the_same_for_all_threads_and_batches()
    {
        SkipWithoutAvx512();
        foreach (var (channels, size) in ((int, int)[])[(32, 56), (64, 28), (256, 14), (512, 7), (512, 5)])
        {
            var graph = new Graph();
            var random = new Random(1);
            var x = graph.Add(new Conv(), graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, size, size)), Weights(random, graph, channels, channels, 1));
            graph.AddOutput(graph.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) with { KernelShape = [] } }, x, Weights(random, graph, channels, channels, 3)));
            var chosen = from threads in (int[])[1, 2, 64] from batch in (int[])[1, 32] select Chosen(graph, threads, batch);
            Assert.Single(chosen.Distinct());
        }

        static string Chosen(Graph graph, int threads, int batch)
        {
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = batch, TimeTactics = false }, TestDevice.At(IsaLevel.Avx512Vnni, threads));
            return engine.Layers.Last(layer => layer.Spec.Kind == LayerKind.Conv).Tactic;
        }
    }

    [Fact]
    public unsafe void Weights_of_one_transform_to_what_the_points_say()
    {
        // At 0 and infinity the transform picks the first and the last weight; at the others it is the polynomial's value over the differences.
        var window = stackalloc float[WinogradPoints.Taps * PanelShape.Lanes];
        new Span<float>(window, WinogradPoints.Taps * PanelShape.Lanes).Clear();
        new Span<float>(window, PanelShape.Lanes).Fill(1);
        foreach (var points in new[] { WinogradPoints.Two, WinogradPoints.Four })
        {
            var lanes = new float[points.Positions * PanelShape.Lanes];
            fixed (float* to = lanes) points.TransformWeights(window, to);
            var transformed = lanes.Where((_, i) => i % PanelShape.Lanes == 0).ToArray();
            Assert.Equal(transformed.SelectMany(position => Enumerable.Repeat(position, PanelShape.Lanes)), lanes);
            var scale = points.Even(0);
            Assert.Equal(1 / (scale * scale), transformed[0], 1e-6f);
            Assert.Equal(0, transformed[^1]);
            Assert.All(Enumerable.Range(0, points.Size), at => Assert.Equal(transformed[at], transformed[at * points.Size]));
        }
    }

    private static void Refuses(string reason, int channels, int outChannels, int size, WindowAttributes window, int groups = 1, bool hasAnotherReader = false)
    {
        var graph = new Graph();
        var random = new Random(1);
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, size, size));
        x = graph.Add(new Conv(), x, Weights(random, graph, channels, channels, 1));
        // What an op reads that knows no border has none.
        if (hasAnotherReader) graph.AddOutput(graph.Add(new InstanceNormalization(), x, graph.AddConstant("s", Tensor.Zeros<float>(new Shape(channels))), graph.AddConstant("b", Tensor.Zeros<float>(new Shape(channels)))));
        graph.AddOutput(graph.Add(new Conv { Window = window with { KernelShape = [] }, Groups = groups }, x, Weights(random, graph, outChannels, channels / groups, window.KernelShape[0])));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false }, TestDevice.At(IsaLevel.Avx512Vnni));
        var verdict = engine.Layers.Last(layer => layer.Spec.Kind == LayerKind.Conv).Verdicts.Single(verdict => verdict.Tactic == "fp32-winograd4-avx512");
        Assert.False(verdict.Accepted);
        Assert.Contains(reason, verdict.Reason, StringComparison.Ordinal);
    }

    private static Value Weights(Random random, Graph graph, int outChannels, int channels, int kernel, float amax = 1)
    {
        var w = Tensor.Zeros<float>(new Shape(outChannels, channels, kernel, kernel));
        foreach (ref var value in w.Span) value = (random.NextSingle() * 2 - 1) * amax;
        return graph.AddConstant("w", w);
    }

    private static void SkipWithoutAvx512()
    {
        if (!TestDevice.Has(CpuFeatures.Avx512Vnni)) Assert.Skip("Needs AVX-512 VNNI.");
    }

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];

    /// <summary>A convolution whose operands are copies of the input, made by 1x1 convolutions with a single 1 for each channel: exact, and with a border where one is wanted.</summary>
    private sealed class Case
    {
        private readonly int _channels, _outChannels, _height, _width, _images;
        private readonly int[] _pads;
        private readonly Epilogue _epilogue;
        private readonly Tensor<float> _weights, _bias;
        private readonly Graph _graph = new();

        public Case(Random random, int channels, int outChannels, int height, int width, int images, int[] pads, Epilogue epilogue)
        {
            (_channels, _outChannels, _height, _width, _images, _pads, _epilogue) = (channels, outChannels, height, width, images, pads, epilogue);
            Input = Filled(random, 1, images, channels, height, width);
            _weights = Filled(random, 3 / MathF.Sqrt(9 * channels), outChannels, channels, 3, 3);
            _bias = Filled(random, 1, outChannels);
            var x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, height, width));
            var copy = Copy(x, channels, WindowAttributes.Uniform(1));
            var window = new WindowAttributes { Strides = [1, 1], Dilations = [1, 1], Pads = pads.ToValueList() };
            var residual = epilogue.HasResidual ? Copy(copy, outChannels, window with { KernelShape = [3, 3] }) : null;
            var w = _graph.AddConstant("w", _weights);
            var y = epilogue.HasBias ? _graph.Add(new Conv { Window = window }, copy, w, _graph.AddConstant("bias", _bias)) : _graph.Add(new Conv { Window = window }, copy, w);
            if (residual is not null) y = _graph.Add(new Add(), y, residual);
            _graph.AddOutput(epilogue.Activated(_graph, y));
        }

        public Tensor<float> Input { get; }

        private (int Height, int Width) Output => (_height + _pads[0] + _pads[2] - 2, _width + _pads[1] + _pads[3] - 2);

        public void Check(int outputs, string repro)
        {
            var tactic = $"fp32-winograd{outputs}-avx512";
            repro = $"{tactic} {repro} c{_channels} {_height}x{_width} k{_outChannels} n{_images} pads {string.Join(',', _pads)} {_epilogue}";
            var (engine, layer) = ChosenTactic.Build(_graph, new EngineOptions { MaxBatch = _images, TimeTactics = false }, TestDevice.At(IsaLevel.Avx512Vnni), tactic);
            using var owned = engine;
            Assert.True(layer.Spec.HasBias == _epilogue.HasBias && layer.Spec.Residual is not null == _epilogue.HasResidual, $"{layer.Spec}, {repro}");
            using var run = new GuardedRun(engine);
            var got = run.Run(Input);
            Compare(got, outputs == 2 ? Tolerance2 : Tolerance4, repro);
            Assert.True(got.AsSpan().SequenceEqual(run.Run(Input)), $"second run, {repro}");
            for (var threads = 1; threads <= 3; threads++)
            {
                using var context = engine.CreateContext(threads);
                foreach (var batch in (int[])[_images, 1])
                {
                    Input.Span[..(Input.Length / _images * batch)].CopyTo(context.Input<float>("x"));
                    context.Run(batch);
                    var output = context.Output<float>(engine.Outputs[0].Name)[..(got.Length / _images * batch)];
                    Assert.True(output.SequenceEqual(got.AsSpan()[..output.Length]), $"{threads} threads, batch {batch}, {repro}");
                }
            }
        }

        private void Compare(float[] got, double tolerance, string repro)
        {
            var pixels = Output.Height * Output.Width;
            for (var channel = 0; channel < _images * _outChannels; channel++)
            {
                var sums = Enumerable.Range(0, pixels).Select(pixel => Sum(channel / _outChannels, channel % _outChannels, pixel / Output.Width, pixel % Output.Width)).ToArray();
                var bound = 1.5 * tolerance * sums.Max(sum => sum.Magnitude) + ActivationTolerance;
                for (var pixel = 0; pixel < pixels; pixel++)
                {
                    var (want, value) = (_epilogue.Value(sums[pixel].Sum), got[channel * pixels + pixel]);
                    Expect.That(Math.Abs(value - want) <= bound, $"{repro}, channel {channel}, pixel {pixel}: expected {want:R} within {bound:G3}, got {value:R}");
                }
            }
        }

        private (double Sum, double Magnitude) Sum(int image, int k, int y, int x)
        {
            var sum = _epilogue.HasBias ? (double)_bias.Data[k] : 0;
            if (_epilogue.HasResidual) sum += At(image, k % _channels, y + 2, x + 2);
            var magnitude = Math.Abs(sum);
            for (var c = 0; c < _channels; c++)
                for (var tap = 0; tap < 9; tap++)
                {
                    var product = (double)At(image, c, y + tap / 3, x + tap % 3) * _weights.Data[(k * _channels + c) * 9 + tap];
                    sum += product;
                    magnitude += Math.Abs(product);
                }
            return (sum, magnitude);
        }

        // Of the padded image.
        private float At(int image, int channel, int y, int x)
        {
            var (row, column) = (y - _pads[0], x - _pads[1]);
            return row < 0 || row >= _height || column < 0 || column >= _width ? 0 : Input.Data[((image * _channels + channel) * _height + row) * _width + column];
        }

        // A convolution that copies channels, in turn: the last of a window has a 1.
        private Value Copy(Value x, int outChannels, WindowAttributes window)
        {
            var (channels, taps) = (_channels, window.KernelShape.Aggregate((height, width) => height * width));
            var w = Tensor.Zeros<float>(new Shape([outChannels, channels, .. window.KernelShape]));
            for (var k = 0; k < outChannels; k++) w.Data[(k * channels + k % channels + 1) * taps - 1] = 1;
            return _graph.Add(new Conv { Window = window with { KernelShape = [] } }, x, _graph.AddConstant("one", w));
        }

        private static Tensor<float> Filled(Random random, float amax, params int[] dims)
        {
            var tensor = Tensor.Zeros<float>(new Shape(dims));
            foreach (ref var value in tensor.Span) value = (random.NextSingle() * 2 - 1) * amax;
            return tensor;
        }
    }
}
