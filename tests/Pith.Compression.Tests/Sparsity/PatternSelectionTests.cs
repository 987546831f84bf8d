namespace Pith.Compression.Tests;

/// <summary>What pattern auto chooses, by times and magnitudes that the tests give.</summary>
public class PatternSelectionTests
{
    private const string Dense = TacticVerdict.Dense;

    [Fact]
    public void The_weight_that_gains_most_for_what_it_loses_comes_first()
    {
        // Both gain 40 µs of 200; the second loses 10 of its magnitude, the first 40.
        var search = Search(0, (100, [(Dense, 100, 1), ("16:2:4", 60, 0.6)]), (25, [(Dense, 100, 1), ("16:2:4", 60, 0.6)]));
        search.Reach(1.2);
        Assert.Equal([Dense, "16:2:4"], Chosen(search));
        Assert.Equal(200 / 160.0, search.Speedup, 1e-12);
        Assert.Equal(115 / 125.0, search.Kept, 1e-12);
        search.Reach(1.6);
        Assert.Equal(["16:2:4", "16:2:4"], Chosen(search));
    }

    [Fact]
    public void A_freer_pattern_stays_where_the_target_holds_with_it()
    {
        var search = Search(0, (100, [(Dense, 100, 1), ("8:2:4", 70, 0.61), ("16:2:4", 55, 0.57)]));
        search.Reach(1.3);
        Assert.Equal(["8:2:4"], Chosen(search));
        search.Reach(1.5);
        Assert.Equal(["16:2:4"], Chosen(search));
    }

    [Fact]
    public void A_target_beyond_reach_ends_with_the_fastest_option_of_each()
    {
        var search = Search(0, (100, [(Dense, 100, 1), ("8:2:4", 70, 0.61), ("16:2:4", 55, 0.57)]), (10, [(Dense, 20, 1)]));
        search.Reach(100);
        Assert.Equal(["16:2:4", Dense], Chosen(search));
    }

    [Theory]
    [InlineData(0.9)]
    [InlineData(0.75)]
    [InlineData(0.6)]
    [InlineData(0.5)]
    public void What_has_to_be_kept_is_kept_and_the_rest_is_used(double least)
    {
        var weights = RandomWeights(1);
        var search = Search(least, weights);
        search.Reach(double.PositiveInfinity);
        Assert.InRange(search.Kept, least, 1);
        // Nothing more fits.
        for (var i = 0; i < weights.Length; i++)
            foreach (var (_, microseconds, kept) in weights[i].Options.Where(option => option.Microseconds < search.Chosen[i].Microseconds))
                Expect.That(search.Kept - weights[i].Magnitude * (search.Chosen[i].KeptMagnitude - kept) / weights.Sum(weight => weight.Magnitude) < least, $"weight {i} with {microseconds} µs");
    }

    [Fact]
    public void The_choice_loses_little_more_than_the_best_of_all_and_is_the_same_each_time()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var weights = RandomWeights(seed, count: 5);
            var search = Search(0, weights);
            search.Reach(1.35);
            Assert.True(search.Speedup >= 1.35, $"seed {seed}");
            Assert.InRange(1 - search.Kept, 0, 1.25 * LeastLoss(weights, 1.35) + 1e-9);
            var again = Search(0, weights);
            again.Reach(1.35);
            Assert.Equal(Chosen(search), Chosen(again));
        }
    }

    [Fact]
    public void Patterns_whose_layers_run_dense_kernels_or_gain_less_than_chance_are_no_option()
    {
        var times = new Dictionary<string, ForecastLayer>
        {
            ["conv"] = new("conv", "", null, 100, [new("2:4", 80, Dense, "dense kernel"), new("8:2:4", 98, "8:2:4", "k"), new("16:2:4", 60, "16:2:4", "k")]),
            ["fc"] = new("fc", "", "too few channels", 10, []),
        };
        var patterns = SparsityPattern.All.Select(pattern => (pattern, 0.6)).ToArray();
        Assert.Equal([new(Dense, 100, 1), new("16:2:4", 60, 0.6)], PatternSelector.OptionsOf(new PrunableWeight(["conv"], 1, patterns), times));
        Assert.Equal([new(Dense, 10, 1)], PatternSelector.OptionsOf(new PrunableWeight(["fc"], 1, patterns), times));
        Assert.Equal([new(Dense, 0, 1)], PatternSelector.OptionsOf(new PrunableWeight(["fused away"], 1, patterns), times));
    }

    [Fact]
    public void Layers_that_share_a_weight_are_one_choice()
    {
        ForecastLayer Layer(string name, double dense, double sparse) => new(name, "", null, dense, [new("16:2:4", sparse, "16:2:4", "k")]);
        var times = new Dictionary<string, ForecastLayer> { ["a"] = Layer("a", 100, 60), ["b"] = Layer("b", 50, 40) };
        Assert.Equal([new(Dense, 150, 1), new("16:2:4", 100, 0.57)], PatternSelector.OptionsOf(new PrunableWeight(["a", "b"], 1, [(SparsityPattern.Parse("16:2:4"), 0.57)]), times));
    }

    [Fact]
    public void A_target_that_is_not_met_is_said_with_what_was_reached()
    {
        var selection = new PatternSelection
        {
            Machine = "", Batch = 1, Threads = 1, DenseMicroseconds = 100, PredictedSpeedup = 1.3, MeasuredSpeedup = 1.25, KeptMagnitude = 0.7, IsReached = false, Verdict = "",
            Weights = [new SelectedWeight(["conv"], "16:2:4", [new(Dense, 100, 1), new("16:2:4", 75, 0.57)])],
        };
        var met = PatternSelector.Judged(selection with { TargetSpeedup = 1.2 });
        Assert.True(met.IsReached);
        Assert.StartsWith("1.25 times as fast as dense", met.Verdict, StringComparison.Ordinal);
        var missed = PatternSelector.Judged(selection with { TargetSpeedup = 1.5, TargetKept = 0.65 });
        Assert.False(missed.IsReached);
        Assert.StartsWith("The target of 1.50x is not met with at least 0.650 of the magnitude kept: 1.25 times as fast", missed.Verdict, StringComparison.Ordinal);
        var nothing = PatternSelector.Judged(selection with { TargetSpeedup = 1.5, MeasuredSpeedup = 1, Weights = [new SelectedWeight(["conv"], Dense, [new(Dense, 100, 1)])] });
        Assert.Contains("all layers stay dense: no pattern makes one faster here", nothing.Verdict, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("auto", 1.4, 0.65, 4097, "batch")]
    [InlineData("auto", 0.9, null, 1, "speedup")]
    [InlineData("auto", double.NaN, null, 1, "speedup")]
    [InlineData("auto", null, 1.1, 1, "keep")]
    [InlineData("auto", null, -0.1, 1, "keep")]
    [InlineData("16:2:4", 1.4, null, 1, "speedup")]
    [InlineData("2:4", null, 0.7, 1, "keep")]
    public void Settings_that_cannot_be_met_name_their_field(string pattern, double? speedup, double? keep, int batch, string field)
    {
        var settings = new PruningSettings { Pattern = PatternChoice.Parse(pattern), Speedup = speedup, Keep = keep, Batch = batch };
        Assert.StartsWith($"'{field}'", Assert.Throws<PithException>(settings.Check).Message, StringComparison.Ordinal);
    }

    // The layers of a step that is run on the engine of this machine: what is chosen is a matter of its times, that masks, record and choice agree is not.
    [Fact]
    public void Every_layer_gets_the_pattern_that_was_chosen_and_the_file_says_why()
    {
        var graph = TestNetwork.Residual();
        var result = Prune24.Apply(graph, new PruningSettings { Pattern = PatternChoice.Auto, Keep = 0.6 });
        var selection = result.Selection!;
        Assert.Equal(["conv1a", "conv1b", "conv2a", "conv2b", "down2", "fc"], selection.Weights.SelectMany(weight => weight.Layers).Order(StringComparer.Ordinal));
        Assert.All(result.Layers.Where(layer => layer.Name != "conv0"), layer => Assert.Equal(selection.Find(layer.Name)!.Chosen, layer.Pattern?.ToString() ?? Dense));
        var pruned = result.Layers.Where(layer => layer.Pattern is not null).ToArray();
        Assert.Equal(pruned.Length, SparsityRecord.Verify(graph, "pruning"));
        Assert.Equal(pruned.Select(layer => (layer.Name, layer.Pattern)), SparsityRecord.Patterns(OnnxModel.Load(OnnxModel.ToBytes(graph))).Select(layer => (layer.Name, (SparsityPattern?)layer.Pattern)));
        Assert.InRange(selection.KeptMagnitude, 0.6, 1);
        var stored = SettingsJson.Parse(graph.Metadata[PatternSelection.MetadataKey], "metadata");
        Assert.Equal(6, stored["weights"]!.AsArray().Count);
        Prune24.Apply(graph, new PruningSettings());
        Assert.False(graph.Metadata.ContainsKey(PatternSelection.MetadataKey));
    }

    private static PatternSearch Search(double leastKept, params (double Magnitude, (string Pattern, double Microseconds, double Kept)[] Options)[] weights) =>
        new(weights.Sum(weight => weight.Options[0].Microseconds), [.. weights.Select(weight => (weight.Magnitude, (IReadOnlyList<PatternOption>)[.. weight.Options.Select(option => new PatternOption(option.Pattern, option.Microseconds, option.Kept))]))], leastKept);

    private static string[] Chosen(PatternSearch search) => [.. search.Chosen.Select(option => option.Pattern)];

    private static (double Magnitude, (string Pattern, double Microseconds, double Kept)[] Options)[] RandomWeights(int seed, int count = 12)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var dense = 20 + 200 * random.NextDouble();
            return (10 + 100 * random.NextDouble(), new[] { (Dense, dense, 1.0), ("8:2:4", dense * (0.6 + 0.1 * random.NextDouble()), 0.6 + 0.02 * random.NextDouble()), ("16:2:4", dense * (0.52 + 0.1 * random.NextDouble()), 0.57 + 0.02 * random.NextDouble()) });
        })];
    }

    private static double LeastLoss((double Magnitude, (string Pattern, double Microseconds, double Kept)[] Options)[] weights, double target)
    {
        var (dense, magnitude, least) = (weights.Sum(weight => weight.Options[0].Microseconds), weights.Sum(weight => weight.Magnitude), double.PositiveInfinity);
        for (var choice = 0; choice < Math.Pow(3, weights.Length); choice++)
        {
            var options = weights.Select((weight, i) => weight.Options[choice / (int)Math.Pow(3, i) % 3]).ToArray();
            if (dense / options.Sum(option => option.Microseconds) >= target) least = Math.Min(least, weights.Select((weight, i) => weight.Magnitude * (1 - options[i].Kept)).Sum() / magnitude);
        }
        return least;
    }
}
