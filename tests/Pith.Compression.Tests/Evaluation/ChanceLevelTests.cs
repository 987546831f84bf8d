using Pith.Compression.Data;
using Pith.Compression.Recipes;
using Pith.Ops;

namespace Pith.Compression.Tests.Evaluation;

/// <summary>Images whose class is their brightness, and a network that reads it from bytes as they are.</summary>
public class ChanceLevelTests
{
    private const int Classes = 10, Size = 32;

    [Fact]
    public void Accuracy_of_a_guess_names_the_preprocessing_that_does_better()
    {
        var warning = Assert.Single(Warnings(Preprocessing.Cifar10));
        Assert.Contains("10 of 100 images right, as many as guessing one of 10 classes", warning, StringComparison.Ordinal);
        Assert.Contains("--preprocess raw has 100 of 100 right", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void A_good_accuracy_is_not_remarked_on() => Assert.Empty(Warnings(Preprocessing.Raw));

    [Fact]
    public void Where_nothing_does_better_the_warning_says_what_may_be_wrong()
    {
        var warning = Assert.Single(Warnings(Preprocessing.Raw, shift: 5));
        Assert.Contains("the order of classes", warning, StringComparison.Ordinal);
        Assert.EndsWith("See --preprocess.", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void A_few_images_say_nothing() => Assert.Empty(Warnings(Preprocessing.Cifar10, images: 40));

    [Fact]
    public void A_comparison_warns_too()
    {
        using var engine = EngineBuilder.Build(Network(), new EngineOptions { MaxBatch = 32, TimeTactics = false });
        using var first = engine.CreateContext();
        using var second = engine.CreateContext();
        var events = new List<PithEvent>();
        PairedEvaluation.Run((first, Preprocessing.Cifar10), (second, Preprocessing.Cifar10), Data(100, 0), new EvaluationOptions { Events = new Recorder(events) });
        Assert.Contains("--preprocess raw", Assert.Single(events.OfType<Warning>()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100, true, 1)]
    [InlineData(40, true, 0)]
    [InlineData(100, false, 0)]
    public void Calibration_warns_where_its_images_have_labels(int images, bool hasLabels, int warnings)
    {
        var events = new List<PithEvent>();
        var data = hasLabels ? Data(images, 0) : new SampleDataset(Enumerable.Range(0, images).Select(i => new Sample(ImageDataset.NoLabel, Data(images, 0).Load(i).Image!)));
        new QuantizeStep(new QuantizationSettings { Samples = images }) { PostTraining = new() { Effort = QuantizationEffort.Fast } }
            .Run(Network(), new StepContext { Stage = "int8", TrainingData = data, Preprocess = Preprocessing.Cifar10, Threads = 1, Events = new Recorder(events) });
        Assert.Equal(warnings, events.OfType<Warning>().Count(warning => warning.Message.Contains("--preprocess raw", StringComparison.Ordinal)));
    }

    [Fact]
    public void Fewer_images_than_samples_all_calibrate()
    {
        var events = new List<PithEvent>();
        var step = new QuantizeStep(new QuantizationSettings { Samples = 512 }) { PostTraining = new() { Effort = QuantizationEffort.Fast } };
        var outcome = step.Run(Network(), new StepContext { Stage = "int8", TrainingData = Data(100, 0), Preprocess = Preprocessing.Raw, Threads = 1, Events = new Recorder(events) });
        Assert.Contains("has 100 samples: all of them calibrate, instead of 512", Assert.Single(events.OfType<Warning>()).Message, StringComparison.Ordinal);
        Assert.Equal(100, outcome.Cache!.Origin!.Samples);
    }

    private static string[] Warnings(Preprocessing preprocessing, int images = 100, int shift = 0)
    {
        var events = new List<PithEvent>();
        Evaluator.Run(Network(), Data(images, shift), preprocessing, new EvaluationOptions { Events = new Recorder(events) });
        return [.. events.OfType<Warning>().Select(warning => warning.Message)];
    }

    private static SampleDataset Data(int images, int shift) =>
        new(Enumerable.Range(0, images).Select(i => new Sample((i + shift) % Classes, new Image(Size, Size, 3, Enumerable.Repeat((byte)Brightness(i % Classes), 3 * Size * Size).ToArray()))), [.. Enumerable.Range(0, Classes).Select(label => $"{label}")]);

    private static int Brightness(int label) => 12 + 25 * label;

    // The nearest brightness: 2 c m - c^2 is largest.
    private static Graph Network()
    {
        var graph = new Graph("brightness");
        var mean = graph.Add(new Flatten(), graph.Add(new GlobalAveragePool(), graph.AddInput("images", TensorType.Float32(Dim.Named("N"), 3, Size, Size))));
        var weights = Tensor.Create(new Shape(Classes, 3), [.. Enumerable.Range(0, Classes).SelectMany(label => Enumerable.Repeat(2f * Brightness(label) / 3, 3))]);
        var bias = Tensor.Vector<float>([.. Enumerable.Range(0, Classes).Select(label => -(float)(Brightness(label) * Brightness(label)))]);
        graph.AddOutput(graph.Add(new Gemm { TransB = true }, mean, graph.AddConstant("w", weights), graph.AddConstant("b", bias)));
        return graph;
    }
}
