using Pith.Compression.Reconstruction;
using Pith.Compression.Tests.Training;
using Pith.Ops;

namespace Pith.Compression.Tests;

/// <summary>Statistics of batch norm, measured again.</summary>
public sealed class NormReestimationTests
{
    [Fact]
    public void Each_batch_norm_gives_the_mean_and_variance_that_its_scale_and_bias_say()
    {
        var graph = Network();
        var images = CalibrationImages.Read(graph, PostTrainingTests.Images(64, 16), 64);
        Assert.Equal((2, 2), NormReestimation.Apply(graph, images, threads: 1));
        var outputs = GraphInterpreter.Run(graph, [Tensor.Create(images.Batches[0].Tensors[0].Shape.With(0, 64), [.. images.Batches.SelectMany(batch => batch.Tensors[0].As<float>().Data)])]);
        foreach (var node in graph.Nodes.Where(node => node.Op is BatchNormalization))
        {
            var (scale, bias) = (node.Inputs[1]!.Constant!.As<float>().Data, node.Inputs[2]!.Constant!.As<float>().Data);
            var measured = outputs[graph.Outputs.ToList().IndexOf(node.Output)];
            var (mean, variance) = Measure(measured);
            for (var c = 0; c < scale.Length; c++)
            {
                Assert.Equal(bias[c], mean[c], 1e-4);
                Assert.Equal(scale[c] * scale[c], variance[c], 1e-3 * (1 + scale[c] * scale[c]));
            }
        }
    }

    [Fact]
    public void A_mean_far_from_zero_keeps_the_digits_of_the_variance()
    {
        var graph = Network(shift: 3000);
        var images = CalibrationImages.Read(graph, PostTrainingTests.Images(64, 16), 64);
        NormReestimation.Apply(graph, images, threads: 1);
        var node = graph.Nodes.First(node => node.Op is BatchNormalization);
        var input = GraphInterpreter.Run(WithOutput(graph, node.Inputs[0]!.Name), [Tensor.Create(images.Batches[0].Tensors[0].Shape.With(0, 64), [.. images.Batches.SelectMany(batch => batch.Tensors[0].As<float>().Data)])])[^1];
        var expected = Measure(input).Variance;
        Assert.All(node.Inputs[4]!.Constant!.As<float>().Data.Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-3 * pair.Second));
    }

    [Fact]
    public void Batches_and_threads_change_no_bit()
    {
        var (one, other) = (Network(), Network());
        NormReestimation.Apply(one, CalibrationImages.Read(one, PostTrainingTests.Images(48, 16), 48), threads: 1);
        NormReestimation.Apply(other, CalibrationImages.Read(other, PostTrainingTests.Images(48, 7), 48), threads: 2);
        Assert.Equal(Toy.AllConstants(one), Toy.AllConstants(other));
    }

    [Fact]
    public void Statistics_that_two_batch_norms_share_stay()
    {
        var graph = Network();
        Node[] norms = [.. graph.Nodes.Where(node => node.Op is BatchNormalization)];
        graph.ReplaceAllUses(norms[1].Inputs[3]!, norms[0].Inputs[3]!);
        var before = norms[0].Inputs[3]!.Constant!.As<float>().Data.ToArray();
        Assert.Equal((0, 2), NormReestimation.Apply(graph, CalibrationImages.Read(graph, PostTrainingTests.Images(32, 16), 32), threads: 1));
        Assert.Equal(before, norms[0].Inputs[3]!.Constant!.As<float>().Data);
    }

    private static Graph Network(float shift = 0)
    {
        var network = new TestNetwork(1, 10);
        var first = network.BatchNorm("norm1", network.Conv("first", network.Input, 8, 3));
        if (shift != 0)
        {
            var bias = first.Producer!.Inputs[0]!.Producer!.Inputs[2]!;
            network.Graph.SetConstant(bias, Tensor.Vector<float>(Array.ConvertAll(bias.Constant!.As<float>().Data.ToArray(), value => value + shift)));
        }
        var second = network.BatchNorm("norm2", network.Conv("second", network.Relu("relu", first), 8, 3));
        network.Graph.AddOutput(first);
        network.Graph.AddOutput(second);
        return network.Graph;
    }

    private static (double[] Mean, double[] Variance) Measure(Tensor x)
    {
        var (channels, pixels) = (x.Shape[1], x.Shape[2] * x.Shape[3]);
        var perChannel = x.As<float>().Data.ToArray().Chunk(pixels).Select((plane, i) => (plane, Channel: i % channels)).GroupBy(plane => plane.Channel, plane => plane.plane);
        double[][] values = [.. perChannel.OrderBy(channel => channel.Key).Select(channel => channel.SelectMany(plane => plane).Select(value => (double)value).ToArray())];
        double[] means = [.. values.Select(channel => channel.Average())];
        return (means, [.. values.Zip(means, (channel, mean) => channel.Average(value => (value - mean) * (value - mean)))]);
    }

    private static Graph WithOutput(Graph graph, string name)
    {
        var copy = graph.Clone();
        copy.AddOutput(copy.Find(name)!);
        return copy;
    }
}
