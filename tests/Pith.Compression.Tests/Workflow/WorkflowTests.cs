using Pith.Compression.Data;
using Pith.Compression.Quantization;
using Pith.Compression.Sparsity;
using Pith.Compression.Tests.Training;
using Pith.Compression.Training;

namespace Pith.Compression.Tests.Workflow;

/// <summary>The library's calls, as a program uses them.</summary>
public sealed class WorkflowTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_page_of_calls_does_the_whole_workflow()
    {
        var (images, network) = (new ToyDataset(1, 192), Toy.Network());
        var events = new List<PithEvent>();
        var options = new WorkOptions { Preprocess = Toy.Preprocessing, Progress = new Recorder(events) };
        var dense = Trainer.Train(network, images, Toy.Settings, options).Graph;
        var sparse = Pruner.Prune(dense, options: options).Graph;
        var tuned = Trainer.FineTune(sparse, images, Toy.Settings with { Epochs = 1, LearningRate = 0.02 }, options with { Teacher = dense });
        var int8 = Quantizer.Quantize(tuned.Graph, images, new QuantizationSettings { Samples = 64 }, QuantizationEffort.Fast, options).Graph;
        Assert.True(tuned.Training!.TrainingAccuracy > 0.9, $"{tuned.Training.TrainingAccuracy}");
        Assert.NotEmpty(SparsityRecord.Patterns(int8));
        Assert.Equal(["horizontal", "vertical", "spot"], ClassLabels.Of(int8.Metadata));
        Assert.Contains(events, e => e is EpochFinished);
        // The calls are the recipe steps.
        var step = new Pith.Compression.Recipes.PruneStep(new PruningSettings()).Run(dense, new Pith.Compression.Recipes.StepContext { Stage = "prune", Preprocess = Toy.Preprocessing }).Graph;
        Assert.Equal(Toy.AllConstants(step), Toy.AllConstants(sparse));
        var qat = Quantizer.QuantizeAware(tuned.Graph, images, new QuantizationSettings { Samples = 64 }, Toy.Settings with { Epochs = 1, LearningRate = 0.005 }, options).Graph;
        Assert.Contains(qat.Nodes, node => node.Op is Ops.QuantizeLinear);
    }

    [Fact]
    public void Work_stops_when_it_is_cancelled()
    {
        using var stop = new CancellationTokenSource();
        var options = new WorkOptions { Preprocess = Toy.Preprocessing, Cancellation = stop.Token, Progress = new Recorder(_ => stop.Cancel()), CheckpointPath = _folder.File("toy.checkpoint") };
        Assert.Throws<OperationCanceledException>(() => Trainer.Train(Toy.Network(), new ToyDataset(1, 192), Toy.Settings, options));
        Assert.True(File.Exists(options.CheckpointPath));
    }

    [Fact]
    public void Samples_of_a_program_are_a_dataset()
    {
        var toy = new ToyDataset(1, 96);
        var samples = Enumerable.Range(0, toy.Count).Select(i => toy.Load(i)).Select(sample => ((Tensor)Tensor.Create(new Shape(1, 1, 8, 8), sample.Values.ToArray()), sample.Label));
        var mine = new SampleDataset(samples, toy.ClassNames);
        Assert.Equal((96, toy.Shape), (mine.Count, mine.Shape));
        var settings = Toy.Settings with { Epochs = 1 };
        var options = new WorkOptions { Preprocess = Toy.Preprocessing };
        Assert.Equal(Toy.AllConstants(Trainer.Train(Toy.Network(), toy, settings, options).Graph), Toy.AllConstants(Trainer.Train(Toy.Network(), mine, settings, options).Graph));
    }

    [Theory]
    [InlineData(3, "label 3, expected 0 to 2")]
    [InlineData(-2, "label -2")]
    public void Samples_with_wrong_labels_are_refused(int label, string message)
    {
        var tensor = Tensor.Create(new Shape(1, 2, 2), new float[4]);
        Assert.Contains(message, Assert.Throws<PithException>(() => new SampleDataset([(tensor, 0), (tensor, label)], ["a", "b", "c"])).Message, StringComparison.Ordinal);
        Assert.Throws<PithException>(() => new SampleDataset(Array.Empty<(Tensor, int)>()));
        Assert.Throws<PithException>(() => new SampleDataset([((Tensor)Tensor.Create(new Shape(4), new float[4]), 0)]));
    }

    [Fact]
    public void A_calibrator_of_a_program_is_used()
    {
        var options = new WorkOptions { Preprocess = Toy.Preprocessing };
        var graph = Quantizer.Quantize(Toy.Network(), new ToyDataset(1, 64), new QuantizationSettings { Samples = 64, Calibrator = new Fixed(3) }, QuantizationEffort.Fast, options).Graph;
        var scale = graph.Nodes.First(node => node.Op is Ops.QuantizeLinear).Inputs[1]!.Constant!.As<float>().Data[0];
        Assert.Equal(3.0 / 127, scale, 3.0 / 127 * 0.07);
    }

    [Fact]
    public void An_optimizer_of_a_program_is_used()
    {
        var options = new WorkOptions { Preprocess = Toy.Preprocessing };
        var still = Trainer.Train(Toy.Network(), new ToyDataset(1, 64), Toy.Settings with { Epochs = 1, Optimizer = new Still() }, options).Graph;
        Assert.Equal(Toy.Network().Find("conv1.weight")!.Constant!.As<float>().Data, still.Find("conv1.weight")!.Constant!.As<float>().Data);
    }

    private sealed record Fixed(float Limit) : Calibrator
    {
        public override string Name => "fixed";

        public override string Help => "A range that is known.";

        protected override float Choose(Histogram histogram, int levels) => Limit;
    }

    private sealed record Still : OptimizerSettings
    {
        public override Optimizer Create() => new Rule();

        private sealed class Rule : Optimizer
        {
            public override int SlotCount => 0;

            public override void Update(Span<float> weights, ReadOnlySpan<float> gradient, ReadOnlySpan<Memory<float>> slots, UpdateStep step) { }
        }
    }
}
