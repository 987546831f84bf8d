using System.Text.Json;
using Pith.Compression.Data;
using Pith.Compression.Tests.Training;
using Pith.Ops;

namespace Pith.Compression.Tests.Evaluation;

public class EvaluatorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(50)]
    [InlineData(64)]
    public void Every_image_is_counted_once_at_any_batch(int batch)
    {
        var expected = new TopKAccuracy();
        var data = new ToyDataset(5, 50);
        for (var i = 0; i < data.Count; i++) expected.Add(Scores(data.Load(i).Values.Span), data.Label(i));

        var result = Evaluator.Run(MaxOfCorners(), data, Toy.Preprocessing, new EvaluationOptions { Batch = batch });
        Assert.Equal(50, result.Count);
        Assert.Equal(expected.Top1Correct, result.Correct);
        Assert.Equal(expected.Predictions, result.Accuracy.Predictions);
        Assert.Equal(50, result.Correct5);
    }

    [Fact]
    public void A_network_with_a_fixed_batch_runs_a_short_last_batch_without_padding_the_score()
    {
        var data = new ToyDataset(5, 50);
        var free = Evaluator.Run(MaxOfCorners(), data, Toy.Preprocessing, new EvaluationOptions { Batch = 8 });
        var locked = Evaluator.Run(MaxOfCorners().Clone(("N", 8)), data, Toy.Preprocessing, new EvaluationOptions());
        Assert.Equal(free.Accuracy.Predictions, locked.Accuracy.Predictions);
    }

    [Fact]
    public void Results_have_stable_names_in_json()
    {
        var result = Evaluator.Run(MaxOfCorners(), new ToyDataset(5, 6), Toy.Preprocessing, new EvaluationOptions());
        var names = JsonSerializer.SerializeToNode(result, SettingsJson.Options)!.AsObject().Select(field => field.Key).ToArray();
        Assert.Equal(["seconds", "correct", "correct5", "count", "top1", "top5", "non_finite", "top1_interval", "images_per_second"], names);
    }

    [Fact]
    public void Data_that_does_not_fit_the_network_is_an_error()
    {
        var shape = Assert.Throws<PithException>(() => Evaluator.Run(MaxOfCorners(), new ProceduralDataset(1, 10), Preprocessing.Cifar10, new EvaluationOptions()));
        Assert.Contains("takes images of 1x8x8", shape.Message);
        Assert.Contains("gives 3x32x32", shape.Message);

        var graph = new Graph("pairs");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 1, 8, 8));
        graph.AddOutput(graph.Add(new Flatten(), graph.Add(new GlobalAveragePool(), x)));
        var classes = Assert.Throws<PithException>(() => Evaluator.Run(graph, new ToyDataset(1, 10), Toy.Preprocessing, new EvaluationOptions()));
        Assert.Contains("1 outputs, dataset 'toy 1' has 3 classes", classes.Message);
    }

    // Three of the picture's pixels are the scores.
    private static Graph MaxOfCorners()
    {
        var graph = new Graph("corners");
        var x = graph.AddInput("images", TensorType.Float32(Dim.Named("N"), 1, 8, 8));
        var weights = new float[64 * 3];
        (weights[0 * 64 + 0], weights[1 * 64 + 9], weights[2 * 64 + 63]) = (1, 1, 1);
        graph.AddOutput(graph.Add(new Gemm { TransB = true }, graph.Add(new Flatten(), x), graph.AddConstant("w", Tensor.Create(new Shape(3, 64), weights))));
        return graph;
    }

    private static float[] Scores(ReadOnlySpan<float> pixels) => [pixels[0], pixels[9], pixels[63]];
}
