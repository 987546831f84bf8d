using Pith.Compression.Data;
using Pith.Compression.Reconstruction;
using Pith.Ops;
using Pith.Compression.Tests.Training;

namespace Pith.Compression.Tests;

/// <summary>The stages of post-training quantization on a small network with a depthwise layer, a residual Add and channels of unequal size, on images that are random but fixed.</summary>
public sealed class PostTrainingTests
{
    private const int Side = 10;

    [Fact]
    public void Each_stage_that_is_kept_lowers_the_error_on_images_that_it_did_not_see()
    {
        var graph = Network(seed: 1);
        var result = PostTrainingQuantization.Apply(graph, new QuantizationSettings(), QuantizationEffort.Balanced, Images(96, 16), null, TestContext.Current.CancellationToken);
        Assert.Equal("calibrate", result.Stages[0].Name);
        var error = result.Stages[0].Error;
        foreach (var stage in result.Stages.Skip(1).Where(stage => stage.IsKept))
        {
            Assert.True(stage.Error < error, $"{stage.Name}: {stage.Error} after {error}");
            error = stage.Error;
        }
        Assert.All(result.Stages, stage => Assert.Equal(stage.Name.StartsWith("reconstruct", StringComparison.Ordinal), stage.IsFitted));
        Assert.True(error < 0.5 * result.Stages[0].Error, $"{result.Stages[0].Error} became {error} only");
        // What is exported is what was measured.
        var exported = result.Graph.Clone();
        FakeQuantization.Finish(exported, new QuantizationSettings());
        var judge = new OutputError(graph, CalibrationImages.Read(graph, Images(96, 16), 96).HeldOut(), 1);
        Assert.InRange(judge.Of(exported), error * 0.9, error * 1.1);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 2)]
    [InlineData(64, 2)]
    public void Batch_size_and_threads_change_nothing(int batch, int threads)
    {
        var expected = PostTrainingQuantization.Apply(Network(seed: 2), new QuantizationSettings(), QuantizationEffort.Balanced, Images(64, 16), null, TestContext.Current.CancellationToken).Graph;
        var got = PostTrainingQuantization.Apply(Network(seed: 2), new QuantizationSettings(), QuantizationEffort.Balanced, Images(64, batch) with { Threads = threads }, null, TestContext.Current.CancellationToken).Graph;
        Assert.Equal(Toy.AllConstants(expected), Toy.AllConstants(got));
    }

    [Fact]
    public void Weights_that_are_sparse_stay_sparse()
    {
        var graph = Network(seed: 3);
        Prune24.Apply(graph, new PruningSettings { ChannelOrder = ChannelOrder.Keep });
        var quantized = PostTrainingQuantization.Apply(graph, new QuantizationSettings(), QuantizationEffort.Balanced, Images(64, 16), null, TestContext.Current.CancellationToken);
        Assert.Contains(quantized.Reconstruction, layer => layer.ErrorAfter < layer.ErrorBefore);
        FakeQuantization.Finish(quantized.Graph, new QuantizationSettings());
        Assert.True(SparsityRecord.Verify(quantized.Graph, "quantizing") > 0);
    }

    [Fact]
    public void A_layer_makes_up_for_the_errors_of_those_before_it()
    {
        var graph = Network(seed: 4);
        var quantized = FakeQuantization.Calibrate(graph, new QuantizationSettings(), Images(64, 16));
        var images = CalibrationImages.Read(graph, Images(64, 16), 64);
        var judge = new OutputError(graph, images.HeldOut(), 1);
        var before = judge.Of(quantized.Graph);
        var layers = WeightReconstruction.Apply(graph, quantized.Graph, new QuantizationSettings(), images, 1, 1, cancellation: TestContext.Current.CancellationToken);
        Assert.True(judge.Of(quantized.Graph) < 0.7 * before, $"{before} became {judge.Of(quantized.Graph)}");
        Assert.All(layers, layer => Assert.False(layer.ErrorAfter > layer.ErrorBefore, layer.ToString()));
    }

    [Fact]
    public void Outliers_that_an_activation_cuts_off_anyway_are_clipped()
    {
        // What is above 6 in the first layer becomes 6 in the second: the range of its input need not hold it.
        var graph = new Graph("outliers");
        var x = graph.AddInput("images", TensorType.Float32(Dim.Named("N"), 1, Side, Side));
        var first = graph.AddNode(new Conv(), [x, Constant(graph, "w1", 2, [2, 1, 1, 1], 1, 60)], "first").Output;
        var second = graph.AddNode(new Conv(), [first, Constant(graph, "w2", 2, [2, 2, 1, 1], 1, 0, 0, 1)], "second").Output;
        var clip = graph.AddNode(new Clip(), [second, graph.AddConstant("low", Tensor.Scalar(-1f)), graph.AddConstant("high", Tensor.Scalar(1f))], "clip").Output;
        graph.AddOutput(graph.AddNode(new GlobalAveragePool(), [clip], "pool").Output);
        var settings = new QuantizationSettings { Calibrator = new MaxCalibrator() };
        var calibrated = FakeQuantization.Calibrate(graph, settings, Images(64, 16));
        var ranges = RangeSearch.Apply(graph, calibrated.Ranges, settings, CalibrationImages.Read(graph, Images(64, 16), 64), 1, null, TestContext.Current.CancellationToken);
        var name = first.Name;
        Assert.True(ranges[name].Scales[0] < 0.2 * calibrated.Ranges[name].Scales[0], $"{calibrated.Ranges[name].Scales[0]} became {ranges[name].Scales[0]}");
    }

    private static Value Constant(Graph graph, string name, int channels, int[] sizes, params float[] values) => graph.AddConstant(name, Tensor.Create(new Shape(sizes), channels > 0 ? values : []));

    internal static CalibrationData Images(int count, int batch) =>
        new(new BatchLoader(new NoiseDataset(count), new Preprocessing { Mean = [0], Std = [1] }, new BatchLoaderOptions { BatchSize = batch }).Epoch(), count, batch, 0, 1);

    internal static Graph Network(int seed)
    {
        var random = new Random(seed);
        var graph = new Graph("small");
        var x = graph.AddInput("images", TensorType.Float32(Dim.Named("N"), 1, Side, Side));
        var stem = Relu(Conv("stem", x, 1, 16, 3));
        var depthwise = Relu(Conv("depthwise", stem, 1, 16, 3, groups: 16));
        var project = Conv("project", depthwise, 16, 16, 1);
        var sum = graph.AddNode(new Add(), [project, stem], "sum").Output;
        var last = Relu(Conv("last", sum, 16, 24, 3));
        var pooled = graph.AddNode(new Flatten(), [graph.AddNode(new GlobalAveragePool(), [last], "pool").Output], "flatten").Output;
        graph.AddOutput(graph.AddNode(new Gemm { TransB = true }, [pooled, Weight("fc", 5, 24), Weight("fc/bias", 5)], "fc", ["logits"]).Output);
        return graph;

        Value Relu(Value value) => graph.AddNode(new Relu(), [value], $"{value.Name}/relu").Output;

        Value Conv(string name, Value input, int channels, int outputs, int kernel, int groups = 1) =>
            graph.AddNode(new Conv { Groups = groups, Window = new WindowAttributes { Pads = ValueList.Repeat(kernel / 2, 4) } }, [input, Weight(name, outputs, channels, kernel, kernel), Weight($"{name}/b", outputs)], name).Output;

        Value Weight(string name, params int[] sizes)
        {
            var shape = new Shape(sizes);
            var perChannel = shape.Length / sizes[0];
            var size = MathF.Sqrt(2f / perChannel);
            // Channels of very different size, as training makes them.
            return graph.AddConstant($"{name}/weight", Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(i => (random.NextSingle() - 0.4f) * size * MathF.Pow(2, i / perChannel % 5 - 2)).ToArray()));
        }
    }

    /// <summary>Waves with noise; the labels, if there are any, mean nothing.</summary>
    internal sealed class NoiseDataset(int count, int seed = 77, bool hasLabels = false) : ImageDataset
    {
        public override string Name => "noise";

        public override int Count => count;

        public override IReadOnlyList<string> ClassNames => hasLabels ? ["a", "b", "c", "d", "e"] : [];

        public override ImageShape? Shape => new(1, Side, Side);

        public override Preprocessing DefaultPreprocessing => Preprocessing.Raw;

        public override int Label(int index) => hasLabels ? index % 5 : 0;

        public override Sample Load(int index)
        {
            var random = new Random(index + seed);
            var (dx, dy, level) = (random.NextSingle(), random.NextSingle(), random.NextSingle());
            var pixels = new float[Side * Side];
            for (var i = 0; i < pixels.Length; i++) pixels[i] = level + MathF.Sin(dx * (i % Side)) * MathF.Cos(dy * (i / Side)) + 0.2f * (random.NextSingle() - 0.5f);
            return new Sample(Label(index), pixels, Shape!.Value);
        }
    }
}
