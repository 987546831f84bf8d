using Pith.Compression.Data;
using Pith.Compression.Tests.Training;
using Pith.Ops;

namespace Pith.Compression.Tests.Evaluation;

/// <summary>Two classifiers on the same images.</summary>
public class PairedEvaluationTests
{
    [Theory]
    [InlineData(16, 16)]
    [InlineData(7, 50)]
    [InlineData(1, 4)]
    public void Who_is_right_is_counted_image_by_image_and_class_by_class_at_any_batch(int firstBatch, int secondBatch)
    {
        var data = new ToyDataset(5, 50);
        var (first, second) = (Scores(0, 9, 63), Scores(0, 9, 10));
        var result = Compare(first, firstBatch, second, secondBatch, data);

        var (a, b) = (Evaluator.Run(first, data, Toy.Preprocessing, new EvaluationOptions()).Accuracy, Evaluator.Run(second, data, Toy.Preprocessing, new EvaluationOptions()).Accuracy);
        Assert.Equal(PairedComparison.Of(a, b), result.Comparison);
        Assert.NotEqual(a.Predictions, b.Predictions);
        Assert.Equal(a.Predictions, result.First.Predictions);
        Assert.Equal(b.Predictions, result.Second.Predictions);
        Assert.Equal(["horizontal", "vertical", "spot"], result.ByClass.Select(change => change.Name));
        Assert.All(result.ByClass, change =>
        {
            var images = Enumerable.Range(0, data.Count).Where(image => data.Label(image) == change.Label).ToArray();
            Assert.Equal((images.Length, images.Count(image => a.Correct[image]), images.Count(image => b.Correct[image])), (change.Count, change.FirstCorrect, change.SecondCorrect));
        });
        Assert.Equal(result.Comparison.OnlySecond - result.Comparison.OnlyFirst, result.ByClass.Sum(change => change.Change));
        Assert.Equal(150, result.Scores.Count);
        Assert.True(double.IsFinite(result.Scores.SnrDecibels));
    }

    [Fact]
    public void A_model_is_the_same_as_itself()
    {
        var result = Compare(Scores(0, 9, 63), 8, Scores(0, 9, 63), 8, new ToyDataset(5, 50));
        Assert.Equal((PairedVerdict.Same, 1.0, 1.0), (result.Comparison.Verdict, result.Comparison.McNemarPValue, result.Comparison.AgreementRate));
        Assert.Equal(double.PositiveInfinity, result.Scores.SnrDecibels);
        Assert.All(result.ByClass, change => Assert.Equal(0, change.Change));
    }

    [Fact]
    public void Models_with_different_numbers_of_classes_are_refused()
    {
        var refused = Assert.Throws<PithException>(() => Compare(Scores(0, 9, 63), 8, Scores(0, 9, 63, 5), 8, new ToyDataset(5, 50)));
        Assert.Contains("has 3 classes", refused.Message, StringComparison.Ordinal);
        Assert.Contains("has 4", refused.Message, StringComparison.Ordinal);
    }

    private static PairedEvaluation Compare(Graph first, int firstBatch, Graph second, int secondBatch, ImageDataset data)
    {
        using var a = EngineBuilder.Build(first, new EngineOptions { MaxBatch = firstBatch, Threads = 1, TimeTactics = false });
        using var b = EngineBuilder.Build(second, new EngineOptions { MaxBatch = secondBatch, Threads = 1, TimeTactics = false });
        using var contextOfA = a.CreateContext();
        using var contextOfB = b.CreateContext();
        return PairedEvaluation.Run((contextOfA, Toy.Preprocessing), (contextOfB, Toy.Preprocessing), data, new EvaluationOptions());
    }

    // Each score is one pixel of the picture.
    private static Graph Scores(params int[] pixels)
    {
        var graph = new Graph("pixels");
        var x = graph.AddInput("images", TensorType.Float32(Dim.Named("N"), 1, 8, 8));
        var weights = new float[pixels.Length * 64];
        for (var i = 0; i < pixels.Length; i++) weights[i * 64 + pixels[i]] = 1;
        graph.AddOutput(graph.Add(new Gemm { TransB = true }, graph.Add(new Flatten(), x), graph.AddConstant("w", Tensor.Create(new Shape(pixels.Length, 64), weights))));
        return graph;
    }
}
