using Pith.Compression.Data;

namespace Pith.Compression.Tests.Training;

public class TrainingLoopTests
{
    [Fact]
    public void A_small_network_learns_its_task()
    {
        var events = new List<PithEvent>();
        var result = TrainingLoop.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 8, Validation = ValidationMode.Observe }, new TrainingOptions { Events = new Recorder(events) });
        Assert.True(result.Summary.ValidationTop1 > 0.9, $"validation {result.Summary.ValidationTop1}, loss {result.Summary.Loss}");
        Assert.Equal(8, events.OfType<EpochFinished>().Count());
        var last = events.OfType<TrainingProgress>().Last();
        Assert.Equal(last.Total, last.Done);
        Assert.Equal(8, last.Epoch);
        Assert.Equal(48, result.Summary.Steps);
    }

    [Fact]
    public void Same_seed_gives_the_same_bits_whatever_the_number_of_threads()
    {
        var settings = Toy.Settings with { Epochs = 1 };
        var one = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { Threads = 1 });
        var three = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { Threads = 3 });
        Assert.Equal(Toy.AllConstants(one.Model), Toy.AllConstants(three.Model));
        var otherSeed = TrainingLoop.Run(Toy.Network(), Toy.Data, settings with { Seed = 5 }, new TrainingOptions { Threads = 1 });
        Assert.NotEqual(Toy.AllConstants(one.Model), Toy.AllConstants(otherSeed.Model));
    }

    [Theory]
    [InlineData(1.0, "sgd", null)]
    [InlineData(0.5, "sgd", 0.9)]
    [InlineData(1.0, "adamw", 0.99)]
    public void A_resumed_run_equals_an_uninterrupted_one_bit_for_bit(double freezeNormAfter, string optimizer, double? emaDecay)
    {
        var settings = Toy.Settings with
        {
            FreezeNormAfter = freezeNormAfter, Validation = ValidationMode.KeepBest, EmaDecay = emaDecay, Patience = 3, ClipNorm = 1, LabelSmoothing = 0.1, CropPadding = 1, Flip = true,
            Optimizer = optimizer == "sgd" ? new SgdSettings() : new AdamWSettings(), LearningRate = optimizer == "sgd" ? 0.1 : 0.01,
        };
        var whole = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions());

        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { CheckpointPath = folder.File("run.checkpoint"), CheckpointKey = "k" };
        // Step 9 lies in the second epoch, step 15 in the third: after the point where batch norm is frozen.
        foreach (var stopAt in new[] { 9, 15 })
        {
            using var stop = new CancellationTokenSource();
            var watch = new Recorder(e => { if (e is TrainingProgress progress && progress.Done == stopAt * 32) stop.Cancel(); });
            Assert.Throws<OperationCanceledException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options with { Events = watch, Cancellation = stop.Token }));
            Assert.True(File.Exists(options.CheckpointPath));
        }
        var resumed = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options);
        Assert.Equal(Toy.AllConstants(whole.Model), Toy.AllConstants(resumed.Model));
        Assert.Equal(whole.Summary.Loss, resumed.Summary.Loss);
        Assert.Equal(whole.Summary.ValidationTop1, resumed.Summary.ValidationTop1);
        Assert.Equal(whole.Summary.KeptEpoch, resumed.Summary.KeptEpoch);
        Assert.Equal(whole.Summary.Curve, resumed.Summary.Curve);
    }

    [Fact]
    public void Parameters_of_several_blocks_get_the_same_bits_whatever_the_number_of_threads()
    {
        var random = new Random(4);
        var graph = new Graph("wide");
        var x = graph.AddInput("images", TensorType.Float32(Dim.Named("N"), 1, ToyDataset.Side, ToyDataset.Side));
        Value Dense(Value input, string name, int inputs, int outputs) =>
            graph.AddNode(new Ops.Gemm { TransB = true }, [input, graph.AddConstant(name, Tensor.Create(new Shape(outputs, inputs), Enumerable.Range(0, inputs * outputs).Select(_ => (float)(random.NextDouble() - 0.5) / 8).ToArray()))], $"{name}.gemm").Output;
        graph.AddOutput(Dense(graph.Add(new Ops.Relu(), Dense(graph.Add(new Ops.Flatten(), x), "wide", 64, 300)), "last", 300, 3));
        Assert.True(64 * 300 > 2 * ParameterBlock.Elements);
        var mask = Mask24.ByMagnitude(Toy.Constant(graph, "wide"), ReductionLayout.Of(new Shape(300, 64), 1));
        var settings = Toy.Settings with { Epochs = 1, ClipNorm = 0.5, EmaDecay = 0.9 };
        var results = new[] { 1, 2, 5 }.Select(threads => TrainingLoop.Run(graph, Toy.Data, settings, new TrainingOptions { Threads = threads, Masks = new Dictionary<string, Mask24> { ["wide"] = mask } }).Model).ToArray();
        Assert.All(results, result => Assert.Equal(Toy.AllConstants(results[0]), Toy.AllConstants(result)));
        Assert.Null(mask.FirstUnmasked(Toy.Constant(results[0], "wide")));
        Assert.NotEqual(Toy.Constant(graph, "wide").Where((_, i) => mask[i]), Toy.Constant(results[0], "wide").Where((_, i) => mask[i]));
    }

    [Fact]
    public void Training_ends_when_validation_has_not_improved_for_as_long_as_patience_says()
    {
        // Steps of almost nothing: top-1 stays what it is after the first epoch.
        var settings = Toy.Settings with { Epochs = 9, LearningRate = 1e-12, Validation = ValidationMode.KeepBest, Patience = 2, FreezeNormAfter = 0 };
        var stopped = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions());
        Assert.Equal((3, 18, 1), (stopped.Summary.Epochs, (int)stopped.Summary.Steps, stopped.Summary.KeptEpoch));
        Assert.Equal([1, 2, 3], stopped.Summary.Curve.Select(epoch => epoch.Epoch));
        Assert.All(stopped.Summary.Curve, epoch => Assert.True(epoch.ValidationLoss > 0));

        // A run that is continued after its end makes no further step.
        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { CheckpointPath = folder.File("c") };
        TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options);
        var steps = 0;
        var again = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options with { Events = new Recorder(e => steps += e is TrainingProgress ? 1 : 0) });
        Assert.Equal((0, 3), (steps, again.Summary.Epochs));
        Assert.Equal(Toy.AllConstants(stopped.Model), Toy.AllConstants(again.Model));

        var unvalidated = Assert.Throws<PithException>(() => (settings with { Validation = ValidationMode.None }).Check());
        Assert.Contains("--validation", unvalidated.Message);
    }

    [Fact]
    public void A_sweep_of_the_learning_rate_suggests_one_and_leaves_the_network_as_it_is()
    {
        var graph = Toy.Network();
        using var folder = new TemporaryFolder();
        var sweep = TrainingLoop.SweepRates(graph, Toy.Data, Toy.Settings, new TrainingOptions { CheckpointPath = folder.File("c") });
        Assert.Equal(Toy.AllConstants(Toy.Network()), Toy.AllConstants(graph));
        Assert.False(File.Exists(folder.File("c")));
        // The rate that the other tests train with is 0.1.
        Assert.InRange(sweep.Suggested!.Value, 0.003, 3);
        Assert.Equal(RateSweep.SmallestRate, sweep.Points[0].Rate, 1e-12);
        Assert.Equal(sweep.Points.Select(point => point.Rate).Order(), sweep.Points.Select(point => point.Rate));
    }

    [Fact]
    public void Mixed_and_erased_images_train_the_network_and_resume_bit_for_bit()
    {
        var settings = Toy.Settings with { Epochs = 10, Augment = AugmentationPolicy.Parse("erase=0.2,mixup=0.2,cutmix=1"), LabelSmoothing = 0.05, Validation = ValidationMode.Observe };
        var whole = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { Threads = 1 });
        Assert.True(whole.Summary.ValidationTop1 > 0.6, $"validation {whole.Summary.ValidationTop1}, loss {whole.Summary.Loss}");
        Assert.InRange(whole.Summary.LoadingWaitShare, 0, 1);
        Assert.True(whole.Summary.LoadedImagesPerSecond > 0);

        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { CheckpointPath = folder.File("run.checkpoint"), CheckpointKey = "k", Threads = 3 };
        using var stop = new CancellationTokenSource();
        var watch = new Recorder(e => { if (e is TrainingProgress progress && progress.Done == 9 * 32) stop.Cancel(); });
        Assert.Throws<OperationCanceledException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options with { Events = watch, Cancellation = stop.Token }));
        Assert.Equal(Toy.AllConstants(whole.Model), Toy.AllConstants(TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options).Model));
    }

    [Fact]
    public void A_crop_with_padding_beside_a_resized_crop_is_refused()
    {
        var settings = Toy.Settings with { CropPadding = 2, Augment = AugmentationPolicy.Parse("imagenet") };
        Assert.Contains("'crop_padding' is 2, but the resized-crop of 'augment'", Assert.Throws<PithException>(settings.Check).Message, StringComparison.Ordinal);
        (settings with { CropPadding = TrainingSettings.FromScratch.CropPadding }).Check();
    }

    [Fact]
    public void A_checkpoint_of_other_settings_is_not_continued()
    {
        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { CheckpointPath = folder.File("run.checkpoint"), CheckpointKey = "first" };
        var settings = Toy.Settings with { Epochs = 1 };
        TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options);
        var events = new List<PithEvent>();
        var again = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options with { CheckpointKey = "second", Events = new Recorder(events) });
        Assert.Contains(events, e => e is Warning note && note.Message.Contains("other settings"));
        Assert.True(again.Summary.ImagesPerSecond > 0);
    }

    [Theory]
    [InlineData("sgd")]
    [InlineData("adamw")]
    public void Pruned_weights_stay_zero_over_many_steps(string optimizer)
    {
        var graph = Toy.Network();
        var weights = Toy.Constant(graph, "conv2.weight");
        var mask = Mask24.ByMagnitude(weights, ReductionLayout.Of(new Shape(8, 8, 3, 3), 1));
        var settings = Toy.Settings with { Epochs = 9, Optimizer = optimizer == "sgd" ? new SgdSettings { Nesterov = true } : new AdamWSettings(), LearningRate = 0.02 };
        var result = TrainingLoop.Run(graph, Toy.Data, settings, new TrainingOptions { Masks = new Dictionary<string, Mask24> { ["conv2.weight"] = mask } });
        Assert.True(result.Summary.Steps >= 50);
        var trained = Toy.Constant(result.Model, "conv2.weight");
        Assert.Null(mask.FirstUnmasked(trained));
        Assert.True(trained.Count(w => w != 0) > trained.Length * 0.49);
        Assert.NotEqual(weights.Where((_, i) => mask[i]), trained.Where((_, i) => mask[i]));
    }

    [Fact]
    public void Running_statistics_follow_the_unbiased_variance_as_in_pytorch()
    {
        var graph = Toy.Network();
        var data = Toy.Data with { Train = new ToyDataset(3, 32) };
        var result = TrainingLoop.Run(graph, data, Toy.Settings with { Epochs = 1 }, new TrainingOptions());
        // One step from mean 0, variance 1: what the first conv gives for all 32 images, by the reference.
        var images = new float[32 * 64];
        for (var i = 0; i < 32; i++) data.Train.Load(i).Values.Span.CopyTo(images.AsSpan(i * 64));
        Tensor? conv = null;
        GraphInterpreter.Run(graph, [Tensor.Create(new Shape(32, 1, 8, 8), images)], (value, tensor) => { if (value.Producer!.Name == "conv1") conv = tensor; });
        var channel = Enumerable.Range(0, 32).SelectMany(n => conv!.As<float>().Data.Skip((n * 8 + 2) * 64).Take(64)).Select(v => (double)v).ToArray();
        var mean = channel.Average();
        var variance = channel.Sum(v => (v - mean) * (v - mean)) / (channel.Length - 1);
        Assert.Equal(0.1 * mean, Toy.Constant(result.Model, "conv1.bn.mean")[2], 1e-5);
        Assert.Equal(0.9 + 0.1 * variance, Toy.Constant(result.Model, "conv1.bn.variance")[2], 1e-5);
    }

    [Fact]
    public void Frozen_batch_norm_keeps_its_statistics()
    {
        var result = TrainingLoop.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 1, FreezeNormAfter = 0 }, new TrainingOptions());
        Assert.All(Toy.Constant(result.Model, "conv1.bn.variance"), variance => Assert.Equal(1, variance));
        Assert.NotEqual(Toy.Constant(Toy.Network(), "conv1.weight"), Toy.Constant(result.Model, "conv1.weight"));
    }

    [Theory]
    [InlineData(1, 0.5, 3)] // in the middle of the only epoch
    [InlineData(3, 0.5, 9)]
    [InlineData(2, 0.25, 3)]
    public void Batch_norm_is_frozen_after_a_share_of_the_steps(int epochs, double share, int steps)
    {
        // 6 steps an epoch. What the running statistics are when they freeze is what another run, stopped at that step, has seen.
        var settings = Toy.Settings with { Epochs = epochs, FreezeNormAfter = share };
        var frozen = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions());
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        var options = new TrainingOptions { CheckpointPath = folder.File("c"), Cancellation = stop.Token, Events = new Recorder(e => { if (e is TrainingProgress progress && progress.Done == steps * 32) stop.Cancel(); }) };
        Assert.Throws<OperationCanceledException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, settings with { FreezeNormAfter = 1 }, options));
        var stopped = Checkpoint.Read(folder.File("c"));
        Assert.Equal(steps, stopped.State.Step);
        Assert.Equal(stopped.Tensors["now/statistic/conv1.bn.mean"], Toy.Constant(frozen.Model, "conv1.bn.mean"));
        Assert.Equal(stopped.Tensors["now/statistic/conv2.bn.variance"], Toy.Constant(frozen.Model, "conv2.bn.variance"));
        // The weights were trained on.
        Assert.NotEqual(stopped.Tensors["now/parameter/conv1.weight"], Toy.Constant(frozen.Model, "conv1.weight"));
    }

    [Fact]
    public void A_run_that_was_stopped_in_the_step_in_which_batch_norm_freezes_goes_on_to_the_same_bits()
    {
        var settings = Toy.Settings with { Epochs = 2, FreezeNormAfter = 0.25 };
        var whole = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions());
        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { CheckpointPath = folder.File("c") };
        foreach (var stopAt in new[] { 2, 3, 4, 8 })
        {
            using var stop = new CancellationTokenSource();
            var watch = new Recorder(e => { if (e is TrainingProgress progress && progress.Done == stopAt * 32) stop.Cancel(); });
            Assert.Throws<OperationCanceledException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options with { Events = watch, Cancellation = stop.Token, Threads = stopAt % 3 + 1 }));
        }
        Assert.Equal(Toy.AllConstants(whole.Model), Toy.AllConstants(TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options).Model));
    }

    [Fact]
    public void Weight_decay_pulls_at_weights_only_unless_it_is_asked_for_more()
    {
        // A rate next to nothing: what changes is what the decay does, which the rate is a factor of.
        TrainingResult Run(bool all) => TrainingLoop.Run(Biased(), Toy.Data, Toy.Settings with
        {
            Epochs = 1, LearningRate = 1e-6, Schedule = new ConstantSchedule(), FreezeNormAfter = 0,
            Optimizer = new SgdSettings { Momentum = 0, WeightDecay = 1, DecayBiasAndNorm = all },
        }, new TrainingOptions());
        var (weights, everything) = (Run(all: false).Model, Run(all: true).Model);
        Assert.Equal(Toy.Constant(weights, "conv1.weight"), Toy.Constant(everything, "conv1.weight"));
        foreach (var name in new[] { "conv1.bn.scale", "fc.bias" })
            Assert.All(Toy.Constant(weights, name).Zip(Toy.Constant(everything, name)), pair => Assert.True(pair.Second < pair.First, $"{name}: {pair}"));

        static Graph Biased()
        {
            var graph = Toy.Network();
            graph.SetConstant(graph.Find("fc.bias")!, Tensor.Vector(5f, 5f, 5f));
            return graph;
        }
    }

    [Fact]
    public void The_schedule_counts_steps_over_the_whole_run_and_warms_up_in_fractions_of_an_epoch()
    {
        var events = new List<PithEvent>();
        var schedule = new WarmUpSchedule { Epochs = 0.5, Then = new StepSchedule { Epochs = [1], Gamma = 0.5 } };
        TrainingLoop.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 3, LearningRate = 0.04, Schedule = schedule }, new TrainingOptions { Events = new Recorder(events) });
        var rates = events.OfType<TrainingProgress>().Select(progress => progress.LearningRate).ToArray();
        // 6 steps an epoch, 3 of warm-up, after which the steps of the schedule count anew: its epoch 1 begins at step 9.
        double[] expected = [0.01, 0.02, 0.03, .. Enumerable.Repeat(0.04, 6), .. Enumerable.Repeat(0.02, 9)];
        Assert.Equal(expected.Length, rates.Length);
        for (var i = 0; i < rates.Length; i++) Assert.Equal(expected[i], rates[i], 1e-12);
    }

    [Fact]
    public void Clipping_scales_the_first_step_down_to_the_norm()
    {
        double Distance(double? clip)
        {
            var one = new TrainingData(new ToyDataset(1, 32), null, Toy.Preprocessing);
            var settings = Toy.Settings with { Epochs = 1, ClipNorm = clip, Schedule = new ConstantSchedule(), Optimizer = new SgdSettings { Momentum = 0, WeightDecay = 0 }, FreezeNormAfter = 0 };
            var moved = Toy.AllConstants(TrainingLoop.Run(Toy.Network(), one, settings, new TrainingOptions()).Model).Zip(Toy.AllConstants(Toy.Network()), (after, before) => (double)after - before);
            return Math.Sqrt(moved.Sum(d => d * d));
        }

        Assert.Equal(0.1 * 0.01, Distance(0.01), 1e-6);
        Assert.Equal(Distance(null), Distance(1e6), 1e-9);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_stops_the_run_and_the_last_good_state_stays()
    {
        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { CheckpointPath = folder.File("c"), CheckpointSeconds = 0, Task = "dense" };
        // The loss of the first steps is finite; weights grow until it is not.
        var settings = Toy.Settings with { LearningRate = 100, Schedule = new ConstantSchedule(), Optimizer = new SgdSettings { WeightDecay = 1 } };
        var failure = Assert.Throws<PithException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, settings, options));
        Assert.Contains("'dense' diverged", failure.Message);
        Assert.Contains(folder.File("c"), failure.Message);
        var kept = Checkpoint.Read(folder.File("c"));
        Assert.True(kept.State.Step > 0);
        Assert.All(kept.Tensors.Values.SelectMany(values => values), value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void A_checkpoint_is_not_continued_with_another_network_teacher_or_validation_set()
    {
        using var folder = new TemporaryFolder();
        var settings = Toy.Settings with { Epochs = 1, Validation = ValidationMode.KeepBest };
        var options = new TrainingOptions { CheckpointPath = folder.File("c"), Teacher = Toy.Network(seed: 8) };
        Assert.True(Starts(Toy.Network(), Toy.Data, settings, options));
        Assert.False(Starts(Toy.Network(), Toy.Data, settings, options));
        // Each run leaves its own checkpoint; the next one is of other things again.
        Assert.True(Starts(Toy.Network(seed: 9), Toy.Data, settings, options));
        Assert.True(Starts(Toy.Network(), Toy.Data, settings, options with { Teacher = Toy.Network(seed: 9) }));
        Assert.True(Starts(Toy.Network(), Toy.Data with { Validation = new ToyDataset(5, 96) }, settings, options));
        Assert.True(Starts(Toy.Network(), Toy.Data, settings with { LabelSmoothing = 0.1 }, options));
        Assert.True(Starts(Toy.Network(), Toy.Data, settings with { Validation = ValidationMode.None }, options));
        // Not validated, the set does not matter.
        Assert.False(Starts(Toy.Network(), Toy.Data with { Validation = new ToyDataset(5, 96) }, settings with { Validation = ValidationMode.None }, options));

        static bool Starts(Graph network, TrainingData data, TrainingSettings settings, TrainingOptions options)
        {
            var steps = 0;
            TrainingLoop.Run(network, data, settings, options with { Events = new Recorder(e => steps += e is TrainingProgress ? 1 : 0) });
            return steps > 0;
        }
    }

    [Fact]
    public void Batch_norms_that_shared_their_vectors_learn_their_own()
    {
        var shared = Toy.Network();
        foreach (var (suffix, operand) in new[] { ("scale", 1), ("shift", 2), ("mean", 3), ("variance", 4) })
        {
            var second = shared.Nodes.Single(node => node.Name == "conv2.bn");
            shared.ReplaceInput(second, operand, shared.Find(operand == 4 ? "conv1.bn.scale" : $"conv1.bn.{suffix}"));
        }
        var events = new List<PithEvent>();
        var settings = Toy.Settings with { Epochs = 2 };
        var trained = TrainingLoop.Run(shared, Toy.Data, settings, new TrainingOptions { Events = new Recorder(events) }).Model;
        // Apart from names it is what the network with vectors of its own becomes.
        var expected = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions()).Model;
        foreach (var name in new[] { "conv1.bn", "conv2.bn" })
            for (var operand = 1; operand <= 4; operand++) Assert.Equal(Operand(expected, name, operand), Operand(trained, name, operand));
        Assert.Contains(events, e => e is Warning note && note.Message.Contains("stored together"));

        static float[] Operand(Graph graph, string node, int operand) => graph.Nodes.Single(n => n.Name == node).Inputs[operand]!.Constant!.As<float>().Data;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void A_network_whose_file_fixes_the_batch_trains_like_one_with_an_open_batch(int batch)
    {
        var settings = Toy.Settings with { Epochs = 1, Validation = ValidationMode.Observe };
        var open = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions());
        var trained = TrainingLoop.Run(Toy.Network().Clone(("N", batch)), Toy.Data, settings, new TrainingOptions { Teacher = null });
        Assert.Equal(Toy.AllConstants(open.Model), Toy.AllConstants(trained.Model));
        Assert.Equal(open.Summary.ValidationTop1, trained.Summary.ValidationTop1);
        // What is written keeps its batch.
        Assert.Equal(batch, trained.Model.Inputs[0].Type[0].Size);
    }

    [Fact]
    public void A_network_that_is_for_one_batch_only_is_trained_with_that()
    {
        var graph = Toy.Network().Clone(("N", 8));
        // A table with a row for each image of the batch: no other batch fits.
        var logits = graph.Outputs[0];
        var added = graph.Add(new Ops.Add(), logits, graph.AddConstant("rows", Tensor.Zeros<float>(new Shape(8, 1))));
        graph.ReplaceAllUses(logits, added, except: added.Producer);
        var events = new List<PithEvent>();
        var result = TrainingLoop.Run(graph, Toy.Data, Toy.Settings with { Epochs = 1 }, new TrainingOptions { Events = new Recorder(events) });
        Assert.Equal(192 / 8, result.Summary.Steps);
        Assert.Contains(events, e => e is Warning note && note.Message.Contains("fixes the batch to 8"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void A_teacher_whose_file_fixes_the_batch_answers_in_parts(int batch)
    {
        var teacher = Toy.Network(seed: 3);
        var settings = Toy.Settings with { Epochs = 1, TeacherWeight = 1 };
        var open = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { Teacher = teacher });
        var parts = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { Teacher = teacher.Clone(("N", batch)) });
        Assert.Equal(Toy.AllConstants(open.Model), Toy.AllConstants(parts.Model));
    }

    [Fact]
    public void A_teacher_pulls_the_student_towards_its_answers()
    {
        var teacher = TrainingLoop.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 6 }, new TrainingOptions()).Model;
        // Labels count nothing here: all that the student knows comes from the teacher.
        var settings = Toy.Settings with { Epochs = 6, TeacherWeight = 1, Validation = ValidationMode.Observe };
        var student = TrainingLoop.Run(Toy.Network(seed: 8), Toy.Data, settings, new TrainingOptions { Teacher = teacher });
        Assert.True(student.Summary.ValidationTop1 > 0.9, $"validation {student.Summary.ValidationTop1}");

        // A teacher that ends in a softmax teaches the same.
        var probable = teacher.Clone();
        probable.ReplaceAllUses(probable.Outputs[0], probable.AddNode(new Ops.Softmax(), [probable.Outputs[0]]).Output, except: probable.Nodes.Single(node => node.Op is Ops.Softmax));
        var again = TrainingLoop.Run(Toy.Network(seed: 8), Toy.Data, settings, new TrainingOptions { Teacher = probable });
        Assert.Equal(Toy.AllConstants(student.Model), Toy.AllConstants(again.Model));
    }

    [Fact]
    public void Divergence_is_an_error_that_says_where_and_what_to_try()
    {
        var failure = Assert.Throws<PithException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, Toy.Settings with { LearningRate = 100, Schedule = new ConstantSchedule(), Optimizer = new SgdSettings { WeightDecay = 1 } }, new TrainingOptions { Task = "dense" }));
        Assert.Contains("'dense' diverged in epoch", failure.Message);
        Assert.Contains("learning_rate", failure.Message);
    }

    [Fact]
    public void Data_that_does_not_fit_is_refused_before_anything_runs()
    {
        var few = Assert.Throws<PithException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data with { Train = new ToyDataset(1, 10) }, Toy.Settings, new TrainingOptions()));
        Assert.Contains("10 images, fewer than one batch of 32", few.Message);
        var mask = Mask24.ByMagnitude(new float[16], new ReductionLayout(1, 16, 1));
        var stray = Assert.Throws<PithException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, Toy.Settings, new TrainingOptions { Masks = new Dictionary<string, Mask24> { ["nowhere"] = mask } }));
        Assert.Contains("'nowhere'", stray.Message);
    }
}
