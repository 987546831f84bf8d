using Pith.Passes;

namespace Pith.Compression.Tests.Training;

/// <summary>Quantization-aware training from a pruned network to the file that is shipped.</summary>
public class QuantizationAwareTests
{
    private static readonly TrainingSettings s_training = Toy.Settings with { Epochs = 2, LearningRate = 0.01, FreezeNormAfter = 0.5 };

    [Fact]
    public void What_is_exported_is_what_was_trained()
    {
        var context = Context();
        var calibrated = CalibrateAndInsertQdq.Apply(Pruned(), Pipelines.SimplifyKeepingBatchNorm, new QuantizationSettings { Samples = 64 }, QuantizationEffort.Fast, context);
        var masks = SparsityRecord.RecoverMasks(calibrated.Graph);
        var simulated = TrainingRun.Train(calibrated.Graph, s_training, masks, context).Model;
        Assert.Null(masks["conv2.weight"].FirstUnmasked(Toy.Constant(simulated, "conv2.weight")));
        Assert.NotEqual(Toy.Constant(calibrated.Graph, "conv2.weight"), Toy.Constant(simulated, "conv2.weight"));
        // Scales are frozen after calibration.
        foreach (var scale in calibrated.Graph.Constants.Where(value => value.Name.EndsWith("/scale", StringComparison.Ordinal)))
            Assert.Equal(scale.Constant!.As<float>().Data, Toy.Constant(simulated, scale.Name));

        var exported = simulated.Clone();
        FakeQuantization.Finish(exported, new());
        Assert.Equal(2, SparsityRecord.Verify(exported, "export"));
        Assert.DoesNotContain(exported.Nodes, node => node.Op is Ops.BatchNormalization);
        var (before, after) = (Logits(simulated, literal: true), Logits(exported, literal: true));
        var signal = new SignalComparison();
        signal.Add(before, after);
        Assert.True(signal.SnrDecibels > 20, $"{signal.SnrDecibels:F1} dB");
        // The INT8 engine computes what the file says, to the last bit.
        Assert.Equal(after, Logits(exported, literal: false));
    }

    [Fact]
    public void It_keeps_the_accuracy_of_the_float_network()
    {
        var trained = TrainingLoop.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 6 }, new TrainingOptions()).Model;
        var outcome = new QatStep(new QuantizationSettings { Samples = 64 }, s_training).Apply(trained, Context());
        Assert.Equal(2, outcome.Training!.Epochs);
        Assert.NotNull(outcome.Cache);
        Assert.Contains(outcome.Quantization, layer => layer.Name == "conv1" && layer.SkipReason is null);
        var accuracy = Evaluator.Run(outcome.Graph, new ToyDataset(9, 96), Toy.Preprocessing, new EvaluationOptions()).Top1;
        Assert.True(accuracy > 0.9, $"{accuracy}");
    }

    private static StepContext Context() => new() { Stage = "qat", TrainingData = Toy.Data.Train };

    private static Graph Pruned()
    {
        var trained = TrainingLoop.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 3 }, new TrainingOptions()).Model;
        return new PruneStep(new PruningSettings()).Apply(trained, Context()).Graph;
    }

    private static float[] Logits(Graph graph, bool literal)
    {
        const int Images = 48;
        var data = new ToyDataset(4, Images);
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = Images, Literal = literal, TimeTactics = false });
        using var context = engine.CreateContext();
        for (var i = 0; i < Images; i++) data.Load(i).Values.Span.CopyTo(context.Input<float>("images")[(i * 64)..]);
        context.Run();
        return context.Output<float>("logits").ToArray();
    }
}
