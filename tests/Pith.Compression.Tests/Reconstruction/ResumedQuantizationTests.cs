using Pith.Compression.Reconstruction;
using Pith.Compression.Tests.Training;

namespace Pith.Compression.Tests;

/// <summary>Post-training quantization that was stopped in the middle and goes on from its journal.</summary>
public sealed class ResumedQuantizationTests
{
    private const string Key = "a network, settings and images";

    [Theory]
    [InlineData(QuantizationEffort.Balanced, "choose ranges", 2)]
    [InlineData(QuantizationEffort.Balanced, "reconstruct layers", 0)]
    [InlineData(QuantizationEffort.Balanced, "reconstruct layers", 3)]
    [InlineData(QuantizationEffort.Best, "reconstruct layers", 2)]
    public void A_stopped_run_goes_on_with_the_same_bits(QuantizationEffort effort, string task, int done)
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("int8.checkpoint");
        var expected = Run(effort, StepJournal.None);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Run(effort, new StepJournal(path, Key, null), new StopAt(stop, task, done), stop.Token));
        var journal = new StepJournal(path, Key, null);
        Assert.True(journal.Count > 0, $"nothing was kept when '{task}' was stopped at {done}");
        Assert.Equal(Toy.AllConstants(expected.Graph), Toy.AllConstants(Run(effort, journal).Graph));
        // Everything is in it now: nothing is computed again, and it is the same for a third time.
        var complete = new StepJournal(path, Key, null);
        var seen = new List<string>();
        var third = Run(effort, complete, new Listener(seen));
        Assert.Equal(Toy.AllConstants(expected.Graph), Toy.AllConstants(third.Graph));
        Assert.Equal(expected.Stages.Select(stage => (stage.Name, stage.Error, stage.IsKept)), third.Stages.Select(stage => (stage.Name, stage.Error, stage.IsKept)));
        Assert.Equal(expected.Reconstruction, third.Reconstruction);
        Assert.DoesNotContain("choose ranges", seen);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(70)]
    [InlineData(4000)]
    public void A_journal_that_was_cut_short_keeps_its_whole_lines(int bytes)
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("int8.checkpoint");
        var expected = Run(QuantizationEffort.Balanced, new StepJournal(path, Key, null));
        var whole = new StepJournal(path, Key, null).Count;
        using (var file = new FileStream(path, FileMode.Open)) file.SetLength(file.Length - bytes);
        var cut = new StepJournal(path, Key, null);
        Assert.InRange(cut.Count, 1, whole - 1);
        Assert.Equal(Toy.AllConstants(expected.Graph), Toy.AllConstants(Run(QuantizationEffort.Balanced, cut).Graph));
        Assert.Equal(whole, new StepJournal(path, Key, null).Count);
    }

    [Fact]
    public void A_changed_line_and_what_follows_it_is_not_used()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("steps");
        var journal = new StepJournal(path, Key, null);
        foreach (var i in Enumerable.Range(0, 3)) journal.Once($"step {i}", () => 10 * i);
        System.IO.File.WriteAllText(path, System.IO.File.ReadAllText(path).Replace("step 1\t10", "step 1\t11", StringComparison.Ordinal));
        var damaged = new StepJournal(path, Key, null);
        Assert.Equal(1, damaged.Count);
        Assert.Equal(0, damaged.Once<int>("step 0", () => throw new InvalidOperationException("step 0 is known")));
        Assert.Equal(10, damaged.Once("step 1", () => 10));
    }

    [Fact]
    public void What_belongs_to_something_else_is_replaced_with_a_warning()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("steps");
        new StepJournal(path, Key, null).Once("step", () => 1);
        var seen = new List<string>();
        var other = new StepJournal(path, "another network", new Listener(seen));
        Assert.Equal(0, other.Count);
        Assert.Contains(seen, text => text.Contains("belongs to other settings", StringComparison.Ordinal) && text.Contains(path, StringComparison.Ordinal));
        Assert.Equal(2, other.Once("step", () => 2));
        Assert.Equal(2, new StepJournal(path, "another network", null).Once("step", () => 3));
    }

    [Fact]
    public void Sections_have_steps_of_their_own_in_one_file()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("steps");
        var journal = new StepJournal(path, Key, null);
        Assert.Equal([1, 2, 3], [journal.Section("a").Once("step", () => 1), journal.Section("b").Once("step", () => 2), journal.Once("step", () => 3)]);
        var again = new StepJournal(path, Key, null);
        Assert.Equal(3, again.Count);
        Assert.Equal([1, 2, 3], [again.Section("a").Once("step", () => 0), again.Section("b").Once("step", () => 0), again.Once("step", () => 0)]);
    }

    [Fact]
    public void Rounded_weights_keep_all_their_bits()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("steps");
        var weights = new RoundedWeights([0.1f, -0f, float.Epsilon, 3e38f], [], [1f / 3]);
        new StepJournal(path, Key, null).Once("layer", () => weights);
        var read = new StepJournal(path, Key, null).Once<RoundedWeights>("layer", () => throw new InvalidOperationException("the layer is known"));
        Assert.Equal(weights.Weights.Select(BitConverter.SingleToInt32Bits), read.Weights.Select(BitConverter.SingleToInt32Bits));
        Assert.Empty(read.Biases);
        Assert.Equal(weights.Scales, read.Scales);
    }

    private static FakeQuantizationResult Run(QuantizationEffort effort, StepJournal journal, IProgress<PithEvent>? events = null, CancellationToken? cancellation = null) =>
        PostTrainingQuantization.Apply(PostTrainingTests.Network(seed: 5), new QuantizationSettings(), effort, PostTrainingTests.Images(64, 16), events, cancellation ?? TestContext.Current.CancellationToken, journal);

    private sealed class StopAt(CancellationTokenSource stop, string task, int done) : IProgress<PithEvent>
    {
        public void Report(PithEvent value)
        {
            if (value is ProgressMade progress && progress.Task == task && progress.Done >= done) stop.Cancel();
        }
    }

    private sealed class Listener(List<string> seen) : IProgress<PithEvent>
    {
        public void Report(PithEvent value) => seen.Add(value switch { ProgressMade progress => progress.Task, Warning warning => warning.Message, _ => "" });
    }
}
