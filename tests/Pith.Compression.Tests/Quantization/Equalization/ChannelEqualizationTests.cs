using Pith.Compression.Data;
using Pith.Compression.Evaluation;
using Pith.Ops;

namespace Pith.Compression.Tests;

/// <summary>Equalisation leaves the float network as it is and brings the quantized one nearer to it.</summary>
public class ChannelEqualizationTests
{
    private static readonly QuantizationSettings s_perChannel = new() { ExactScales = true };
    private static readonly QuantizationSettings s_perTensor = s_perChannel with { PerChannel = false };

    [Theory, InlineData(true, 6), InlineData(false, 10)]
    public void Unequal_channels_are_repaired(bool perChannel, double decibels)
    {
        var graph = Unequal();
        var images = Images(graph);
        var result = ChannelEqualization.Apply(graph, perChannel ? s_perChannel : s_perTensor, images, 1);
        Assert.True(10 * Math.Log10(result.ErrorBefore / result.ErrorAfter) > decibels, $"{result.ErrorBefore} became {result.ErrorAfter}");
        Assert.InRange(new OutputError(graph, images, 1).Of(result.Graph), 0, 1e-8);
        Assert.Contains(result.Classes, found => found.KeptReason is null && found.LargestFactor > 4 * found.SmallestFactor);
        Assert.Equal("'fc:out' is an output of the network", result.Classes[^1].KeptReason);
    }

    [Fact]
    public void The_error_reported_is_that_of_the_quantized_network()
    {
        var graph = Unequal();
        var images = Images(graph);
        var result = ChannelEqualization.Apply(graph, s_perChannel, images, 1);
        var error = new OutputError(graph, images, 1);
        Assert.Equal(error.Of(FakeQuantization.Calibrate(graph, s_perChannel, Data(graph, 5)).Graph), result.ErrorBefore, 1e-9);
        Assert.Equal(error.Of(FakeQuantization.Calibrate(result.Graph, s_perChannel, Data(graph, 5)).Graph), result.ErrorAfter, 1e-9);
    }

    [Fact]
    public void No_channel_is_clipped_that_was_not()
    {
        // Channels of very unequal ranges before a Clip at 6; the first reaches it.
        var net = new TestNetwork(3, 6);
        var a = net.Conv("a", net.Input, 8, 3);
        Scale(net.Graph.Find("a.weight")!, 0, [8, 1, 0.5f, 0.25f, 0.125f, 0.06f, 0.03f, 0.02f]);
        Scale(net.Graph.Find("a.bias")!, 0, [8, 1, 0.5f, 0.25f, 0.125f, 0.06f, 0.03f, 0.02f]);
        var clipped = net.Graph.AddNode(new Clip(), [a, net.Scalar(0), net.Scalar(6)], "clip", ["clip:out"]).Output;
        var graph = net.Classify(net.Relu("relu", net.Conv("b", clipped, 8, 3)));
        Scale(net.Graph.Find("b.weight")!, 1, [0.125f, 1, 2, 4, 8, 16, 32, 50]);
        var images = Images(graph);
        var result = ChannelEqualization.Apply(graph, s_perChannel, images, 1);
        Assert.True(result.ErrorAfter < 0.7 * result.ErrorBefore, $"{result.ErrorBefore} became {result.ErrorAfter}");
        Assert.InRange(new OutputError(graph, images, 1).Of(result.Graph), 0, 1e-8);
        var (before, after) = (Rows(graph, "a.weight"), Rows(result.Graph, "a.weight"));
        Assert.Equal(before[0], after[0]);
        Assert.All(Enumerable.Range(1, 7), row => Assert.True(after[row] > before[row]));
    }

    [Fact]
    public void Sparse_weights_keep_their_pattern()
    {
        var graph = Unequal();
        Prune24.Apply(graph, new PruningSettings { Exclude = ["first"] });
        var result = ChannelEqualization.Apply(graph, s_perChannel, Images(graph), 1);
        Assert.True(result.ErrorAfter < result.ErrorBefore);
        Assert.True(SparsityRecord.Verify(result.Graph, "equalisation") > 0);
        Assert.Equal(Zeros(graph), Zeros(result.Graph));

        static int Zeros(Graph graph) => graph.Constants.Sum(constant => constant.Constant is Tensor<float> floats ? floats.Data.Count(value => value == 0) : 0);
    }

    [Fact]
    public void The_result_depends_on_neither_threads_nor_batch()
    {
        byte[] Equalized(int batch, int threads)
        {
            var graph = Unequal();
            return OnnxModel.ToBytes(ChannelEqualization.Apply(graph, s_perChannel, Images(graph, batch), threads).Graph);
        }
        var expected = Equalized(1, 1);
        Assert.Equal(expected, Equalized(7, 2));
        Assert.Equal(expected, Equalized(32, 3));
    }

    [Fact]
    public void A_network_without_free_channels_stays_as_it_is()
    {
        var net = new TestNetwork(3, 6);
        var graph = net.Classify(net.Node("swish", new HardSwish(), net.Conv("a", net.Input, 8)));
        var result = ChannelEqualization.Apply(graph, s_perChannel, Images(graph), 1);
        Assert.Equal(OnnxModel.ToBytes(graph), OnnxModel.ToBytes(result.Graph));
        Assert.Contains(result.Classes, found => found.KeptReason == "HardSwish 'swish' passes no factor of a channel on");
    }

    [Fact]
    public void Sensitivity_is_the_sum_of_squared_derivatives()
    {
        // One output, linear in the values before: its derivatives are the weights.
        var net = new TestNetwork(3, 4);
        var flat = net.Node("flatten", new Flatten(), net.Node("pool", new GlobalAveragePool(), net.Conv("a", net.Input, 5)));
        net.Graph.AddOutput(net.Gemm("fc", flat, 1));
        var images = Images(net.Graph, 4);
        var sensitivity = OutputSensitivity.Of(net.Graph, [("flatten:out", 1), ("a:out", 1)], images, 1);
        var weights = net.Graph.Find("fc.weight")!.Constant!.As<float>().Data;
        var ratios = Enumerable.Range(0, 5).Select(c => sensitivity["flatten:out"]![c] / (weights[c] * (double)weights[c])).ToArray();
        Assert.All(ratios, ratio => Assert.Equal(ratios[0], ratio, 1e-5 * ratios[0]));
        // A mean over 16 pixels: each has a sixteenth of the derivative.
        Assert.All(Enumerable.Range(0, 5), c => Assert.Equal(sensitivity["flatten:out"]![c] / 16, sensitivity["a:out"]![c], 1e-5 * sensitivity["flatten:out"]![c]));
    }

    [Fact]
    public void Predicted_activation_noise_is_that_of_rounding()
    {
        var values = Samples.Relu(3, 20_000);
        var profile = new ChannelProfile(0, 1);
        profile.Add(Tensor.Create(new Shape(1, values.Length), values));
        var histogram = profile.Counts(0).ToArray().Select(count => (double)count / values.Length).ToArray();
        var term = new ActivationNoise([(0, histogram)], 1, 127);
        // The best range of a Gaussian half, found by trying.
        var best = Enumerable.Range(100, 400).Min(range => Error(range / 100.0));
        // Within a decibel: bins are an eighth of an octave wide.
        Assert.Equal(best, term.Value, 0.2 * best);
        Assert.Equal(term.Value, term.With(0, 1), 1e-12);
        Assert.True(term.With(0, 2) > 2 * term.Value);

        double Error(double range) => values.Average(x => Math.Pow(x - Math.Clamp(Math.Round(x / (range / 127)), 0, 127) * range / 127, 2));
    }

    /// <summary>A residual network with channels of very unequal ranges, which its layers undo: in floats it is as good as any.</summary>
    private static Graph Unequal()
    {
        var net = new TestNetwork(3, 8);
        var first = net.Relu("relu0", net.Conv("first", net.Input, 16, 3));
        var inner = net.Relu("relu1", net.Conv("inner", first, 16, 3));
        var sum = net.Add("sum", net.Conv("back", net.Conv("depthwise", inner, 16, 3, groups: 16), 16), first);
        var graph = net.Classify(net.Relu("relu2", net.Conv("last", sum, 16)));
        float[] factors = [.. Samples.Gaussian(9, 16, 1.5).Select(MathF.Exp)];
        float[] inverse = [.. factors.Select(factor => 1 / factor)];
        foreach (var (name, axis) in new[] { ("first.weight", 0), ("first.bias", 0), ("back.weight", 0), ("back.bias", 0), ("inner.weight", 0), ("inner.bias", 0) }) Scale(net.Graph.Find(name)!, axis, factors);
        foreach (var (name, axis) in new[] { ("inner.weight", 1), ("last.weight", 1), ("depthwise.weight", 0) }) Scale(net.Graph.Find(name)!, axis, inverse);
        return graph;
    }

    private static void Scale(Value constant, int axis, float[] factors)
    {
        var tensor = constant.Constant!.As<float>();
        var inner = tensor.Shape.LengthOf(axis + 1, tensor.Shape.Rank);
        for (var i = 0; i < tensor.Length; i++) tensor.Data[i] *= factors[i / inner % factors.Length];
    }

    private static float[] Rows(Graph graph, string weight)
    {
        var tensor = graph.Find(weight)!.Constant!.As<float>();
        return [.. tensor.Data.Chunk(tensor.Length / tensor.Shape[0]).Select(row => row.Max(Math.Abs))];
    }

    private static CalibrationImages Images(Graph graph, int batch = 8) => CalibrationImages.Read(graph, Data(graph, batch), 20);

    private static CalibrationData Data(Graph graph, int batch)
    {
        var shape = ImageInput.Of(graph).Shape;
        var images = Samples.Gaussian(11, 20 * shape.Elements);
        return new CalibrationData(Batches(), 20, batch, Threads: 1);

        IEnumerable<Batch> Batches()
        {
            for (var start = 0; start < 20; start += batch)
            {
                var next = new Batch(batch, shape) { Count = Math.Min(batch, 20 - start) };
                images.AsSpan(start * shape.Elements, next.Count * shape.Elements).CopyTo(next.Images);
                yield return next;
            }
        }
    }
}
