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
        var simulated = TrainingRun.Train(calibrated.Graph, new QatStep(new QuantizationSettings(), s_training), context).Model;
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

    [Fact]
    public void Learned_scales_move_stay_positive_and_become_short_at_export()
    {
        var context = Context();
        var settings = new QuantizationSettings { Samples = 64 };
        var step = new QatStep(settings, s_training with { LearningRate = 0.05, EmaDecay = 0.9 }) { Scales = new ScaleSettings { Scales = ScaleMode.Learned } };
        var calibrated = ((ITrainingStep)step).Prepare(Pruned(), context).Graph;
        var simulated = TrainingRun.Train(calibrated, step, context).Model;
        string[] scales = [.. simulated.Nodes.Where(node => node.Op is Ops.QuantizeLinear).Select(node => node.Inputs[1]!.Name).Distinct()];
        Assert.All(scales, name => Assert.NotEqual(Toy.Constant(calibrated, name), Toy.Constant(simulated, name)));
        Assert.All(scales.SelectMany(name => Toy.Constant(simulated, name)), scale => Assert.True(scale > 0));
        Assert.Contains(scales, name => Toy.Constant(simulated, name) is [var scale] && !ShortScale.IsShort(scale));

        var exported = simulated.Clone();
        FakeQuantization.Finish(exported, settings);
        Assert.Equal(2, SparsityRecord.Verify(exported, "export"));
        foreach (var node in exported.Nodes.Where(node => node.Op is Ops.QuantizeLinear && node.Inputs[0]!.Constant is null))
        {
            var (learned, written) = (Toy.Constant(simulated, node.Inputs[1]!.Name)[0], Toy.Constant(exported, node.Inputs[1]!.Name)[0]);
            Assert.True(ShortScale.IsShort(written));
            Assert.InRange(written / learned, 1 - 1 / 17.0, 1 + 1 / 17.0);
        }
        var (before, after) = (Logits(simulated, literal: true), Logits(exported, literal: true));
        var signal = new SignalComparison();
        signal.Add(before, after);
        Assert.True(signal.SnrDecibels > 20, $"{signal.SnrDecibels:F1} dB");
        // Short again, so the INT8 engine computes what the file says, to the last bit.
        Assert.Equal(after, Logits(exported, literal: false));

        // With exact scales they are written as they were learned.
        var exact = simulated.Clone();
        FakeQuantization.Finish(exact, settings with { ExactScales = true });
        foreach (var node in exact.Nodes.Where(node => node.Op is Ops.QuantizeLinear)) Assert.Equal(Toy.Constant(simulated, node.Inputs[1]!.Name), Toy.Constant(exact, node.Inputs[1]!.Name));
    }

    [Fact]
    public void A_scale_that_a_step_would_take_below_zero_stays_positive()
    {
        var step = new QatStep(new QuantizationSettings { Samples = 64 }, s_training with { Epochs = 1, LearningRate = 1, ClipNorm = 10, Schedule = new ConstantSchedule() }) { Scales = new ScaleSettings { Scales = ScaleMode.Learned } };
        var calibrated = ((ITrainingStep)step).Prepare(Pruned(), Context()).Graph;
        var trained = TrainingRun.Train(calibrated, step, Context()).Model;
        foreach (var name in trained.Nodes.Where(node => node.Op is Ops.QuantizeLinear).Select(node => node.Inputs[1]!.Name).Distinct())
            Assert.All(Toy.Constant(trained, name).Zip(Toy.Constant(calibrated, name)), scale => Assert.True(scale.First >= scale.Second / 64, $"{name}: {scale}"));
    }

    [Fact]
    public void Learned_scales_resume_to_the_same_bits_and_keep_the_accuracy()
    {
        var trained = TrainingLoop.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 6 }, new TrainingOptions()).Model;
        var step = new QatStep(new QuantizationSettings { Samples = 64 }, s_training) { Scales = new ScaleSettings { Scales = ScaleMode.Learned } };
        var whole = step.Apply(trained, Context());
        Assert.Null(whole.Cache);
        var accuracy = Evaluator.Run(whole.Graph, new ToyDataset(9, 96), Toy.Preprocessing, new EvaluationOptions()).Top1;
        Assert.True(accuracy > 0.9, $"{accuracy}");

        using var folder = new TemporaryFolder();
        foreach (var stopAt in new[] { 3, 8 })
        {
            using var stop = new CancellationTokenSource();
            var context = Context() with { CheckpointPath = folder.File("c"), Cancellation = stop.Token, Threads = stopAt, Events = new Recorder(e => { if (e is TrainingProgress progress && progress.Done == stopAt * 32) stop.Cancel(); }) };
            Assert.Throws<OperationCanceledException>(() => step.Apply(trained, context));
        }
        Assert.Equal(Toy.AllConstants(whole.Graph), Toy.AllConstants(step.Apply(trained, Context() with { CheckpointPath = folder.File("c") }).Graph));
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
