using Pith.Compression.Data;
using Pith.Compression.Distribution;
using Pith.Compression.Tests.Training;

namespace Pith.Compression.Tests.Distribution;

public class DataParallelTests
{
    // Batch norm with its running statistics: then every image is computed by itself, and only the order of sums differs between numbers of ranks.
    private static readonly TrainingSettings s_frozen = Toy.Settings with { Epochs = 2, FreezeNormAfter = 0, LabelSmoothing = 0.1, CropPadding = 1, Flip = true, ClipNorm = 1, Validation = ValidationMode.KeepBest };

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Ranks_train_what_one_process_trains_with_the_same_batch(int ranks)
    {
        var (alone, losses) = Train(1, s_frozen)[0];
        var together = Train(ranks, s_frozen);
        Assert.All(together, rank => Assert.Equal(Toy.AllConstants(together[0].Result.Model), Toy.AllConstants(rank.Result.Model)));
        Near(Toy.AllConstants(alone.Model), Toy.AllConstants(together[0].Result.Model), 1e-4);
        Assert.Equal(losses.Length, together[0].Losses.Length);
        for (var step = 0; step < losses.Length; step++) Assert.Equal(losses[step], together[0].Losses[step], 1e-4);
        Assert.Equal(alone.Summary.ValidationTop1!.Value, together[0].Result.Summary.ValidationTop1!.Value, 1.5 / 96);
        Assert.Equal(alone.Summary.TrainingAccuracy, together[0].Result.Summary.TrainingAccuracy, 1.5 / 192);
        Assert.Equal(ranks, together[0].Result.Summary.Ranks);
        Assert.InRange(together[0].Result.Summary.CommunicationShare!.Value, 0, 1);
        Assert.Null(alone.Summary.CommunicationShare);
    }

    [Fact]
    public void Mixed_batches_are_the_same_on_any_number_of_ranks()
    {
        var settings = s_frozen with { Augment = AugmentationPolicy.Parse("mixup=1,cutmix=1"), Epochs = 1, Validation = ValidationMode.None };
        var (alone, together) = (Train(1, settings)[0], Train(4, settings));
        Assert.All(together, rank => Assert.Equal(Toy.AllConstants(together[0].Result.Model), Toy.AllConstants(rank.Result.Model)));
        Near(Toy.AllConstants(alone.Result.Model), Toy.AllConstants(together[0].Result.Model), 1e-4);
        Assert.Equal(Toy.AllConstants(together[0].Result.Model), Toy.AllConstants(Train(4, settings, threads: 3)[0].Result.Model));
    }

    [Fact]
    public void With_batch_norm_of_each_rank_the_network_learns_and_statistics_are_those_of_the_whole_batch()
    {
        var settings = Toy.Settings with { Epochs = 8, Validation = ValidationMode.Observe };
        var together = Train(2, settings);
        Assert.True(together[0].Result.Summary.ValidationTop1 > 0.9, $"validation {together[0].Result.Summary.ValidationTop1}");
        Assert.Equal(Toy.AllConstants(together[0].Result.Model), Toy.AllConstants(together[1].Result.Model));

        // One step: what comes before the first batch norm does not depend on any, so its statistics are those of one process.
        var (one, two) = (Train(1, settings with { Epochs = 1, BatchSize = 192, Validation = ValidationMode.None })[0], Train(4, settings with { Epochs = 1, BatchSize = 192, Validation = ValidationMode.None })[0]);
        Near(Toy.Constant(one.Result.Model, "conv1.bn.mean"), Toy.Constant(two.Result.Model, "conv1.bn.mean"), 1e-5);
        Near(Toy.Constant(one.Result.Model, "conv1.bn.variance"), Toy.Constant(two.Result.Model, "conv1.bn.variance"), 1e-5);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Synchronised_batch_norm_trains_what_one_process_trains(int ranks)
    {
        var settings = Toy.Settings with { Epochs = 2, SyncNorm = true, LearningRate = 0.02, Validation = ValidationMode.Observe };
        var (alone, losses) = Train(1, settings)[0];
        var together = Train(ranks, settings);
        Assert.All(together, rank => Assert.Equal(Toy.AllConstants(together[0].Result.Model), Toy.AllConstants(rank.Result.Model)));
        Near(Toy.AllConstants(alone.Model), Toy.AllConstants(together[0].Result.Model), 2e-5);
        for (var step = 0; step < losses.Length; step++) Assert.Equal(losses[step], together[0].Losses[step], 1e-4);

        // Without it each rank normalizes by itself, which is another computation.
        Assert.True(Math.Abs(losses[^1] - Train(ranks, settings with { SyncNorm = false })[0].Losses[^1]) > 1e-3);
        // One process has nobody to share statistics with.
        Assert.Equal(Toy.AllConstants(alone.Model), Toy.AllConstants(Train(1, settings with { SyncNorm = false })[0].Result.Model));
    }

    [Fact]
    public void Synchronised_batch_norm_gives_the_same_bits_at_any_number_of_threads_and_when_activations_are_computed_again()
    {
        var settings = Toy.Settings with { Epochs = 1, SyncNorm = true, FreezeNormAfter = 0.5 };
        var expected = Toy.AllConstants(Train(2, settings)[0].Result.Model);
        Assert.Equal(expected, Toy.AllConstants(Train(2, settings, threads: 3)[1].Result.Model));
        Assert.Equal(expected, Toy.AllConstants(Train(2, settings with { Recompute = RecomputeMode.Full })[0].Result.Model));
    }

    [Fact]
    public void Synchronised_batch_norm_of_what_is_no_image_is_refused_with_the_layer()
    {
        const int pixels = ToyDataset.Side * ToyDataset.Side;
        var graph = new Graph("vectors");
        var x = graph.Add(new Pith.Ops.Flatten(), graph.AddInput("images", TensorType.Float32(Dim.Named("N"), 1, ToyDataset.Side, ToyDataset.Side)));
        Value Channels(string name, float value) => graph.AddConstant(name, Tensor.Vector<float>([.. Enumerable.Repeat(value, pixels)]));
        x = graph.AddNode(new Pith.Ops.BatchNormalization(), [x, Channels("scale", 1), Channels("shift", 0), Channels("mean", 0), Channels("variance", 1)], "late").Output;
        graph.AddOutput(graph.Add(new Pith.Ops.Gemm { TransB = true }, x, graph.AddConstant("weight", Tensor.Zeros<float>(new Shape(3, pixels)))));
        var messages = ThreadGroup.Run(2, group => Assert.Throws<PithException>(() => TrainingLoop.Run(graph, Toy.Data, Toy.Settings with { SyncNorm = true }, new TrainingOptions { Group = group, Threads = 1 })).Message);
        Assert.All(messages, message => Assert.Contains("'late'", message, StringComparison.Ordinal));
    }

    [Fact]
    public void The_same_number_of_ranks_gives_the_same_bits_at_any_number_of_threads()
    {
        var settings = Toy.Settings with { Epochs = 1, FreezeNormAfter = 0.5 };
        Assert.Equal(Toy.AllConstants(Train(2, settings, threads: 1)[0].Result.Model), Toy.AllConstants(Train(2, settings, threads: 3)[1].Result.Model));
    }

    [Fact]
    public void Pruned_weights_stay_zero_and_a_teacher_is_learned_from()
    {
        var mask = Mask24.ByMagnitude(Toy.Constant(Toy.Network(), "conv2.weight"), ReductionLayout.Of(new Shape(8, 8, 3, 3), 1));
        var options = new TrainingOptions { Masks = new Dictionary<string, Mask24> { ["conv2.weight"] = mask }, Teacher = Toy.Network(seed: 9) };
        var settings = s_frozen with { Epochs = 1, Validation = ValidationMode.None };
        var (alone, together) = (Train(1, settings, options: options)[0], Train(2, settings, options: options)[0]);
        Assert.Null(mask.FirstUnmasked(Toy.Constant(together.Result.Model, "conv2.weight")));
        Near(Toy.AllConstants(alone.Result.Model), Toy.AllConstants(together.Result.Model), 1e-4);
    }

    [Fact]
    public void A_run_goes_on_from_its_checkpoint_on_another_number_of_ranks()
    {
        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { CheckpointPath = folder.File("run.checkpoint"), CheckpointKey = "k" };
        var whole = Train(1, s_frozen)[0];
        foreach (var (ranks, stopAt) in new[] { (4, 3), (2, 8) })
        {
            using var stop = new CancellationTokenSource();
            // One rank alone is told to stop; all stop after the same step.
            ThreadGroup.Run(ranks, group => Assert.Throws<OperationCanceledException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, s_frozen, options with
            {
                Group = group, Threads = 1, Cancellation = group.IsFirst ? stop.Token : CancellationToken.None,
                Events = group.IsFirst ? new Recorder(e => { if (e is TrainingProgress progress && progress.Done == stopAt * 32) stop.Cancel(); }) : null,
            })));
            Assert.Equal(stopAt, Checkpoint.Read(options.CheckpointPath!).State.Step);
        }
        var resumed = Train(1, s_frozen, options: options)[0];
        Near(Toy.AllConstants(whole.Result.Model), Toy.AllConstants(resumed.Result.Model), 1e-4);
        Assert.Equal(whole.Result.Summary.Loss, resumed.Result.Summary.Loss, 1e-4);
    }

    [Fact]
    public void A_run_that_goes_on_with_the_same_ranks_has_the_same_bits()
    {
        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { CheckpointPath = folder.File("run.checkpoint"), CheckpointKey = "k" };
        var settings = Toy.Settings with { Epochs = 2, FreezeNormAfter = 0.75, Validation = ValidationMode.KeepBest };
        var whole = Train(2, settings)[0];
        using var stop = new CancellationTokenSource();
        ThreadGroup.Run(2, group => Assert.Throws<OperationCanceledException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options with
        {
            Group = group, Threads = 1, Cancellation = stop.Token, Events = new Recorder(e => { if (e is TrainingProgress progress && progress.Done == 7 * 32) stop.Cancel(); }),
        })));
        Assert.Equal(Toy.AllConstants(whole.Result.Model), Toy.AllConstants(Train(2, settings, options: options)[1].Result.Model));
    }

    [Fact]
    public void A_batch_that_ranks_cannot_share_is_refused_with_what_fits()
    {
        var failure = Assert.Throws<PithException>(() => Train(3, Toy.Settings));
        Assert.Contains("'batch_size': 32 images a step cannot be divided among 3 ranks", failure.Message);
        Assert.Contains("take 30 or 33", failure.Message);
    }

    [Fact]
    public void Ranks_with_other_data_do_not_train_together()
    {
        var messages = ThreadGroup.Run(2, group => Assert.Throws<PithException>(() =>
            TrainingLoop.Run(Toy.Network(), Toy.Data with { Train = new ToyDataset(1, 192 + group.Rank) }, Toy.Settings, new TrainingOptions { Group = group })).Message);
        Assert.All(messages, message => Assert.Contains("Rank 1 of 2 has another training set than rank 0", message));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(1 << 20)]
    public void Buckets_of_any_size_average_every_gradient(int bucketElements)
    {
        var gradients = new[] { ("a", 7), ("b", 250), ("c", 1), ("d", 33) };
        var graph = new Graph("gradients");
        foreach (var (name, length) in gradients)
        {
            var x = graph.AddInput("in " + name, TensorType.Float32(length));
            graph.AddOutput(graph.AddNode(new Pith.Ops.Relu(), [x], name, [name]).Output);
        }
        var averages = ThreadGroup.Run(2, group =>
        {
            using var engine = EngineBuilder.Build(graph, new EngineOptions { Threads = 1, TimeTactics = false, Observed = ["b", "d"] });
            using var context = engine.CreateContext();
            using var collectives = new CollectiveThread();
            using var exchange = new GradientExchange(group, collectives, gradients, bucketElements);
            context.Observer = exchange;
            var results = new List<float[]>();
            for (var step = 1; step <= 2; step++)
            {
                foreach (var (name, length) in gradients) for (var i = 0; i < length; i++) context.Input<float>("in " + name)[i] = step * (i + 1) * (1 + 2 * group.Rank);
                context.Run();
                exchange.Finish(context);
                results.AddRange(gradients.Select(gradient => exchange.Average(gradient.Item1).ToArray()));
            }
            return results;
        });
        for (var k = 0; k < 2 * gradients.Length; k++)
            foreach (var rank in averages) Assert.Equal(Enumerable.Range(1, gradients[k % gradients.Length].Item2).Select(i => 2f * i * (1 + k / gradients.Length)), rank[k]);
    }

    private static (TrainingResult Result, double[] Losses)[] Train(int ranks, TrainingSettings settings, int threads = 1, TrainingOptions? options = null)
    {
        (TrainingResult, double[]) Work(ProcessGroup group)
        {
            var losses = new List<double>();
            var events = new Recorder(e => { if (e is TrainingProgress progress) losses.Add(progress.Loss); });
            return (TrainingLoop.Run(Toy.Network(), Toy.Data, settings, (options ?? new TrainingOptions()) with { Group = group, Threads = threads, Events = events }), [.. losses]);
        }
        return ranks == 1 ? [Work(ProcessGroup.Single)] : ThreadGroup.Run(ranks, Work);
    }

    private static void Near(float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], tolerance);
    }
}
