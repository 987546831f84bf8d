using Pith.Compression.Data;

namespace Pith.Compression.Tests;

/// <summary>The joint search over precision and sparsity.</summary>
public sealed class OptimizationTests : IDisposable
{
    private static readonly Graph s_network = PostTrainingTests.Network(seed: 3);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Only_options_that_no_mixture_beats_are_on_the_path()
    {
        LayerOption[] options = [Option("float", 10, 0), Option("int8", 5, 0.1), Option("worse", 6, 0.3), Option("above the line", 3, 0.9), Option("2:4", 2, 1), Option("slow", 12, 0.2)];
        Assert.Equal([10, 5, 2], OptionPath.Hull(options).Select(option => option.Microseconds));
        Assert.Equal([10], OptionPath.Hull([options[0], options[5]]).Select(option => option.Microseconds));
        Assert.Equal([10, 5], OptionPath.Hull([options[0], options[1], Option("broken", 1, double.PositiveInfinity)]).Select(option => option.Microseconds));
    }

    [Fact]
    public void Along_the_path_each_step_is_the_one_that_costs_least_for_the_time_it_saves()
    {
        var random = new Random(5);
        OptimizedLayer[] layers = [.. Enumerable.Range(0, 6).Select(i => new OptimizedLayer($"layer{i}", [Option("float", 10, 0), .. Enumerable.Range(0, 4).Select(_ => Option("other", random.NextDouble() * 12, random.NextDouble()))]))];
        var path = new OptionPath(layers);
        Assert.True(path.Steps > 6);
        Assert.All(path.After(0).Values, option => Assert.Equal(0, option.Error));
        for (var steps = 1; steps <= path.Steps; steps++)
        {
            Assert.True(path.MicrosecondsAfter(steps) < path.MicrosecondsAfter(steps - 1));
            // No other choice is both as fast and more accurate: the price of the step proves it for each layer.
            var (before, after) = (path.After(steps - 1), path.After(steps));
            var changed = Assert.Single(after, option => !ReferenceEquals(option.Value, before[option.Key]));
            var price = (changed.Value.Error - before[changed.Key].Error) / (before[changed.Key].Microseconds - changed.Value.Microseconds);
            foreach (var layer in layers)
            {
                var best = layer.Options.Min(option => option.Error + price * option.Microseconds);
                Assert.Equal(best, after[layer.Layer].Error + price * after[layer.Layer].Microseconds, 9);
            }
        }
        Assert.All(path.After(path.Steps), option => Assert.Equal(layers.Single(layer => layer.Layer == option.Key).Options.Min(other => other.Microseconds), option.Value.Microseconds));
    }

    [Fact]
    public void The_fastest_network_within_the_drop_is_found_and_the_search_resumes()
    {
        var output = _folder.File("net.onnx");
        var outcome = Run(new OptimizationSettings { MaxDrop = 20, Metric = SearchMetric.Snr }, output);
        var found = outcome.Optimization!;
        Assert.True(found.IsReached, found.Verdict);
        Assert.InRange(found.Chosen.Loss, 0, 20);
        Assert.Equal("all INT8", found.Trials[0].Name);
        Assert.Equal(found.Trials.Where(trial => trial.Holds).Max(trial => trial.Speedup), found.Chosen.Speedup);
        Assert.Equal(found.Chosen.Layers.Count, s_network.Nodes.Count(node => WeightOperand.Of(node) is not null));
        // The file is the network that was measured.
        var judge = Judge();
        Assert.Equal(found.Chosen.Score, judge.Of(outcome.Graph, null, TestContext.Current.CancellationToken));
        Assert.Equal(found.Chosen.Layers.Count(layer => layer.Option.Contains(":4 ", StringComparison.Ordinal)), SparsityRecord.PrunedLayers(outcome.Graph).Count);
        Assert.NotNull(Provenance.Of(outcome.Graph.Metadata)[^1].Machine);

        var lines = File.ReadAllLines(SearchFiles.TrialsOf(output));
        var again = Run(new OptimizationSettings { MaxDrop = 20, Metric = SearchMetric.Snr }, output);
        Assert.Equal(lines, File.ReadAllLines(SearchFiles.TrialsOf(output)));
        Assert.Equal(lines.Length - 1, again.Optimization!.KeptTrials);
        Assert.Equal(found.Trials, again.Optimization.Trials);
        Assert.Equal(ModelHash.Of(outcome.Graph), ModelHash.Of(again.Graph));
    }

    [Fact]
    public void With_a_speedup_alone_the_most_accurate_network_that_is_fast_enough_is_found()
    {
        var found = Run(new OptimizationSettings { Speedup = 1.05, Metric = SearchMetric.Snr }, null).Optimization!;
        if (!found.IsReached) Assert.All(found.Trials, trial => Assert.True(trial.Speedup < 1.05));
        else Assert.Equal(found.Trials.Where(trial => trial.Speedup >= 1.05).Min(trial => trial.Loss), found.Chosen.Loss);
    }

    [Fact]
    public void Targets_out_of_reach_give_the_nearest_network_and_say_so()
    {
        var outcome = Run(new OptimizationSettings { MaxDrop = 0, Speedup = 50, Metric = SearchMetric.Snr }, null);
        Assert.False(outcome.Optimization!.IsReached);
        Assert.StartsWith("Not reached: at most 0", outcome.Unreached, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "max_drop": -1 }""", "max_drop")]
    [InlineData("""{ "speedup": 0.5 }""", "speedup")]
    [InlineData("""{ "batch": 0 }""", "batch")]
    public void Settings_that_make_no_sense_are_refused(string json, string because) =>
        Assert.Contains(because, Assert.Throws<PithException>(() => StepCatalog.Find("optimize").Read(System.Text.Json.Nodes.JsonNode.Parse(json)!.AsObject(), "here")).Message, StringComparison.Ordinal);

    private static LayerOption Option(string name, double microseconds, double error) => new(name == "float", null, microseconds, error);

    private static SearchImages Judge()
    {
        var dataset = new PostTrainingTests.NoiseDataset(40, 2000, hasLabels: true);
        return new SearchImages(SearchSetup.Of(s_network, new QuantizationSettings { Samples = 32 }, SearchMetric.Snr, Context(null)).Float, dataset, PreprocessingCatalog.Of(s_network.Metadata, dataset, null), SearchMetric.Snr, 1, TestContext.Current.CancellationToken);
    }

    private static StepOutcome Run(OptimizationSettings settings, string? output) =>
        new OptimizeStep(new QuantizationSettings { Samples = 32 }) { PostTraining = new() { Effort = QuantizationEffort.Fast }, Optimization = settings }.Run(s_network, Context(output));

    private static StepContext Context(string? output) => new()
    {
        Stage = "optimize", OutputPath = output, Threads = 1, FrontTiming = new() { Seconds = 0, WarmUpSeconds = 0, MinRuns = 3 },
        TrainingData = new PostTrainingTests.NoiseDataset(96, 1000, hasLabels: true), ValidationData = new PostTrainingTests.NoiseDataset(40, 2000, hasLabels: true),
    };
}
