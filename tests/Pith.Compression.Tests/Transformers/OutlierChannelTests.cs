using Pith.Compression.Data;
using Pith.Models;

namespace Pith.Compression.Tests.Transformers;

/// <summary>Channels of layer normalization that are a hundred times as large as the others, as those of large transformers are: equalisation moves them into the weights that read them (SmoothQuant), where that helps.</summary>
public sealed class OutlierChannelTests
{
    [Fact]
    public void Planted_outliers_are_moved_into_the_weights_for_many_decibels()
    {
        var graph = Network(outliers: 60);
        var images = CalibrationImages.Read(graph, Data(), 48);
        var result = ChannelEqualization.Apply(graph, new QuantizationSettings(), images, 2);
        var gain = 10 * Math.Log10(result.ErrorBefore / result.ErrorAfter);
        Assert.True(gain > 10, $"{gain:F1} dB: {result.ErrorBefore} became {result.ErrorAfter}");
        Assert.InRange(new OutputError(graph, images, 2).Of(result.Graph), 0, 1e-8);
        Assert.Contains(result.Classes, channels => channels.KeptReason is null && channels.LargestFactor > 10 * channels.SmallestFactor);
    }

    [Fact]
    public void The_whole_of_post_training_quantization_gains_as_much()
    {
        var stages = PostTrainingQuantization.Apply(Network(outliers: 60), new QuantizationSettings(), QuantizationEffort.Balanced, Data(), null, TestContext.Current.CancellationToken).Stages;
        var equalized = stages.Single(stage => stage.Name == "equalize channels");
        Assert.True(equalized.IsKept, string.Join("; ", stages));
        Assert.True(equalized.SnrDecibels > stages[0].SnrDecibels + 8, string.Join("; ", stages));
        Assert.True(stages.Last(stage => stage.IsKept).SnrDecibels >= equalized.SnrDecibels, string.Join("; ", stages));
    }

    [Fact]
    public void Equalisation_that_does_not_help_is_undone()
    {
        var graph = Network(outliers: 1);
        var images = CalibrationImages.Read(graph, Data(), 48);
        var result = ChannelEqualization.Apply(graph, new QuantizationSettings(), images, 2);
        Assert.True(result.ErrorAfter <= result.ErrorBefore, $"{result.ErrorBefore} became {result.ErrorAfter}");
        Assert.All(result.Classes, channels => Assert.True(channels.KeptReason is not null || channels.LargestFactor > channels.SmallestFactor));
        Assert.InRange(new OutputError(graph, images, 2).Of(result.Graph), 0, 1e-8);
    }

    /// <summary>A vision transformer whose normalized tokens have a few large channels, which the weights that read them make small again, so that the float network is as it was.</summary>
    private static Graph Network(float outliers)
    {
        var graph = ModelCatalog.Find("cifar-vit").Build(new ModelOptions { Resolution = 8, Width = 48, Classes = 4, Seed = 3 });
        foreach (var (norm, reader) in Enumerable.Range(0, 4).SelectMany(block => new[] { ($"blocks.{block}.norm1", $"blocks.{block}.attn.qkv"), ($"blocks.{block}.norm2", $"blocks.{block}.mlp.fc1") }))
            foreach (var channel in new[] { 3, 17, 30 })
            {
                graph.Find($"{norm}.weight")!.Constant!.As<float>().Data[channel] *= outliers;
                graph.Find($"{norm}.bias")!.Constant!.As<float>().Data[channel] *= outliers;
                var weight = graph.Find($"{reader}.weight")!.Constant!.As<float>();
                foreach (ref var value in weight.Span.Slice(channel * weight.Shape[1], weight.Shape[1])) value /= outliers;
            }
        return graph;
    }

    private static CalibrationData Data()
    {
        var shape = new ImageShape(3, 8, 8);
        var batch = new Batch(48, shape) { Count = 48 };
        Samples.Gaussian(5, 48 * shape.Elements).CopyTo(batch.Images.AsSpan());
        return new CalibrationData([batch], 48, 48, Threads: 2);
    }
}
