namespace Pith.Compression.Tests.Training;

public class TrainerTests
{
    [Fact]
    public void A_small_network_learns_its_task()
    {
        var events = new List<PithEvent>();
        var result = Trainer.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 8, Validation = ValidationMode.Observe }, new TrainingOptions { Events = new Recorder(events) });
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
        var one = Trainer.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { Threads = 1 });
        var three = Trainer.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { Threads = 3 });
        Assert.Equal(Toy.AllConstants(one.Model), Toy.AllConstants(three.Model));
        var otherSeed = Trainer.Run(Toy.Network(), Toy.Data, settings with { Seed = 5 }, new TrainingOptions { Threads = 1 });
        Assert.NotEqual(Toy.AllConstants(one.Model), Toy.AllConstants(otherSeed.Model));
    }

    [Theory]
    [InlineData(1.0, "sgd")]
    [InlineData(0.5, "sgd")]
    [InlineData(1.0, "adamw")]
    public void A_resumed_run_equals_an_uninterrupted_one_bit_for_bit(double freezeNormAfter, string optimizer)
    {
        var settings = Toy.Settings with
        {
            FreezeNormAfter = freezeNormAfter, Validation = ValidationMode.KeepBest, ClipNorm = 1, LabelSmoothing = 0.1, CropPadding = 1, Flip = true,
            Optimizer = optimizer == "sgd" ? new SgdSettings() : new AdamWSettings(), LearningRate = optimizer == "sgd" ? 0.1 : 0.01,
        };
        var whole = Trainer.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions());

        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { CheckpointPath = folder.File("run.checkpoint"), CheckpointKey = "k" };
        // Step 9 lies in the second epoch, step 15 in the third: behind the point where batch norm is frozen.
        foreach (var stopAt in new[] { 9, 15 })
        {
            using var stop = new CancellationTokenSource();
            var watch = new Recorder(e => { if (e is TrainingProgress progress && progress.Done == stopAt * 32) stop.Cancel(); });
            Assert.Throws<OperationCanceledException>(() => Trainer.Run(Toy.Network(), Toy.Data, settings, options with { Events = watch, Cancellation = stop.Token }));
            Assert.True(File.Exists(options.CheckpointPath));
        }
        var resumed = Trainer.Run(Toy.Network(), Toy.Data, settings, options);
        Assert.Equal(Toy.AllConstants(whole.Model), Toy.AllConstants(resumed.Model));
        Assert.Equal(whole.Summary.Loss, resumed.Summary.Loss);
        Assert.Equal(whole.Summary.ValidationTop1, resumed.Summary.ValidationTop1);
        Assert.Equal(whole.Summary.KeptEpoch, resumed.Summary.KeptEpoch);
    }

    [Fact]
    public void A_checkpoint_of_other_settings_is_not_continued()
    {
        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { CheckpointPath = folder.File("run.checkpoint"), CheckpointKey = "first" };
        var settings = Toy.Settings with { Epochs = 1 };
        Trainer.Run(Toy.Network(), Toy.Data, settings, options);
        var events = new List<PithEvent>();
        var again = Trainer.Run(Toy.Network(), Toy.Data, settings, options with { CheckpointKey = "second", Events = new Recorder(events) });
        Assert.Contains(events, e => e is Noted note && note.Message.Contains("other settings"));
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
        var result = Trainer.Run(graph, Toy.Data, settings, new TrainingOptions { Masks = new Dictionary<string, Mask24> { ["conv2.weight"] = mask } });
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
        var result = Trainer.Run(graph, data, Toy.Settings with { Epochs = 1 }, new TrainingOptions());
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
        var result = Trainer.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 1, FreezeNormAfter = 0 }, new TrainingOptions());
        Assert.All(Toy.Constant(result.Model, "conv1.bn.variance"), variance => Assert.Equal(1, variance));
        Assert.NotEqual(Toy.Constant(Toy.Network(), "conv1.weight"), Toy.Constant(result.Model, "conv1.weight"));
    }

    [Fact]
    public void A_teacher_pulls_the_student_towards_its_answers()
    {
        var teacher = Trainer.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 6 }, new TrainingOptions()).Model;
        // Labels count nothing here: all that the student knows comes from the teacher.
        var settings = Toy.Settings with { Epochs = 6, TeacherWeight = 1, Validation = ValidationMode.Observe };
        var student = Trainer.Run(Toy.Network(seed: 8), Toy.Data, settings, new TrainingOptions { Teacher = teacher });
        Assert.True(student.Summary.ValidationTop1 > 0.9, $"validation {student.Summary.ValidationTop1}");

        // A teacher that ends in a softmax teaches the same.
        var probable = teacher.Clone();
        probable.ReplaceAllUses(probable.Outputs[0], probable.AddNode(new Ops.Softmax(), [probable.Outputs[0]]).Output, except: probable.Nodes.Single(node => node.Op is Ops.Softmax));
        var again = Trainer.Run(Toy.Network(seed: 8), Toy.Data, settings, new TrainingOptions { Teacher = probable });
        Assert.Equal(Toy.AllConstants(student.Model), Toy.AllConstants(again.Model));
    }

    [Fact]
    public void Divergence_is_an_error_that_says_where_and_what_to_try()
    {
        var failure = Assert.Throws<PithException>(() => Trainer.Run(Toy.Network(), Toy.Data, Toy.Settings with { LearningRate = 100, Schedule = new ConstantSchedule(), Optimizer = new SgdSettings { WeightDecay = 1 } }, new TrainingOptions { Task = "dense" }));
        Assert.Contains("'dense' diverged in epoch", failure.Message);
        Assert.Contains("learning_rate", failure.Message);
    }

    [Fact]
    public void Data_that_does_not_fit_is_refused_before_anything_runs()
    {
        var few = Assert.Throws<PithException>(() => Trainer.Run(Toy.Network(), Toy.Data with { Train = new ToyDataset(1, 10) }, Toy.Settings, new TrainingOptions()));
        Assert.Contains("10 images, fewer than one batch of 32", few.Message);
        var mask = Mask24.ByMagnitude(new float[16], new ReductionLayout(1, 16, 1));
        var stray = Assert.Throws<PithException>(() => Trainer.Run(Toy.Network(), Toy.Data, Toy.Settings, new TrainingOptions { Masks = new Dictionary<string, Mask24> { ["nowhere"] = mask } }));
        Assert.Contains("'nowhere'", stray.Message);
    }

    private sealed class Recorder(Action<PithEvent> receive) : IProgress<PithEvent>
    {
        public Recorder(List<PithEvent> events) : this(events.Add) { }

        public void Report(PithEvent value) => receive(value);
    }
}
