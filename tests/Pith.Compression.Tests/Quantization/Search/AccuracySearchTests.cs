using Pith.Compression.Data;

namespace Pith.Compression.Tests;

/// <summary>The search for layers to keep in float, on a small network with random weights: what it loses is told without labels, or with labels that mean nothing.</summary>
public sealed class AccuracySearchTests : IDisposable
{
    private static readonly ImageDataset s_train = Images(96, 1000), s_validation = Images(40, 2000);
    private static readonly Graph s_network = PostTrainingTests.Network(seed: 3);
    private static readonly QuantizationSettings s_settings = new() { Samples = 32 };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Layers_move_to_float_until_the_target_holds_and_none_that_it_can_do_without()
    {
        var all = Search(100).Search!;
        Assert.True(all.IsReached && all.Chosen.FloatLayers.Count == 0 && all.Trials.Count == 1);
        var target = all.Chosen.Loss / 2;
        var outcome = Search(target);
        var found = outcome.Search!;
        Assert.True(found.IsReached, found.Verdict);
        Assert.InRange(found.Chosen.Loss, 0, target);
        Assert.NotEmpty(found.Chosen.FloatLayers);
        Assert.InRange(found.Chosen.Int8Share, 0.5, 1);
        // Without any one of them the target was missed.
        foreach (var layer in found.Chosen.FloatLayers)
        {
            var without = found.Trials.Where(trial => !trial.FloatLayers.Contains(layer) && found.Chosen.FloatLayers.All(other => other == layer || trial.FloatLayers.Contains(other))).ToArray();
            Assert.True(without.Length > 0 && without.All(trial => !trial.Holds), $"{layer}: {without.Length} trials without it");
        }
        Assert.All(found.Trials.Where(trial => trial.Holds), trial => Assert.True(trial.Int8Share <= found.Chosen.Int8Share + 1e-9));
        Assert.Equal(found.Chosen.FloatLayers.Count, outcome.Quantization.Count(layer => layer.SkipReason is { } reason && reason.Contains("max_drop", StringComparison.Ordinal)));
        Assert.Equal(["float", "chosen"], found.Front.Where(point => point.Name is "float" or "chosen").Select(point => point.Name));
        Assert.All(found.Front, point => Assert.True(point.MedianMs > 0));
    }

    [Fact]
    public void With_effort_fast_the_network_is_what_quantize_makes_with_the_layers_that_are_named()
    {
        var outcome = Search(Search(100).Search!.Chosen.Loss / 2);
        var plain = new QuantizeStep(outcome.Search!.Quantization) { PostTraining = new() { Effort = QuantizationEffort.Fast } }.Run(s_network, Context());
        Assert.Equal(ModelHash.Of(plain.Graph), ModelHash.Of(outcome.Graph));
    }

    [Fact]
    public void Ranges_and_reconstructed_weights_are_those_of_the_whole()
    {
        var start = PostTrainingTests.Network(seed: 1);
        var settings = new QuantizationSettings();
        var quantized = PostTrainingQuantization.Apply(start, settings, QuantizationEffort.Balanced, PostTrainingTests.Images(64, 16), null, TestContext.Current.CancellationToken);
        Assert.Contains(quantized.Reconstruction, layer => layer.ErrorAfter < layer.ErrorBefore);
        var variants = new LayerVariants(quantized, settings);
        var exported = quantized.Graph.Clone();
        FakeQuantization.Finish(exported, settings);
        var judge = new OutputError(start, CalibrationImages.Read(start, PostTrainingTests.Images(64, 16), 64), 1);
        Assert.Equal(judge.Of(exported), judge.Of(variants.With([]).Graph));
        // In float, a layer has the float network's weights, up to the channels that were equalised.
        Assert.Equal(variants.Layers.Count, quantized.Layers.Count(layer => layer.SkipReason is null));
        Assert.InRange(judge.Of(variants.With([.. variants.Layers.Select(layer => layer.Name)]).Graph), 0, 1e-9);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(9)]
    public void An_interrupted_search_repeats_no_trial_and_ends_the_same(int finished)
    {
        var target = Search(100).Search!.Chosen.Loss / 3;
        var (whole, interrupted) = (_folder.File("whole.onnx"), _folder.File("interrupted.onnx"));
        var expected = Search(target, whole);
        var lines = File.ReadAllLines(SearchFiles.TrialsOf(whole));
        Assert.True(lines.Length > finished + 1, $"{lines.Length} lines");
        // As a kill leaves it: the last line is cut short.
        File.WriteAllText(SearchFiles.TrialsOf(interrupted), string.Join('\n', lines[..(finished + 1)]) + "\n" + lines[finished + 1][..20]);
        var got = Search(target, interrupted);
        Assert.Equal(ModelHash.Of(expected.Graph), ModelHash.Of(got.Graph));
        Assert.Equal(expected.Search!.Trials, got.Search!.Trials);
        Assert.Equal((0, finished), (expected.Search.KeptTrials, got.Search.KeptTrials));
        Assert.Equal(lines, File.ReadAllLines(SearchFiles.TrialsOf(interrupted)));
    }

    [Fact]
    public void A_search_that_is_cancelled_keeps_its_trials_and_the_best_network()
    {
        var output = _folder.File("net.onnx");
        using var stop = new CancellationTokenSource();
        const double target = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => Step(target).Run(s_network, Context() with { OutputPath = output, Cancellation = stop.Token, Events = new Stopper(stop, "trial 3") }));
        var best = OnnxModel.Load(SearchFiles.BestOf(output));
        Assert.Contains(best.Nodes, node => node.Op is Ops.QuantizeLinear);
        var before = File.ReadAllLines(SearchFiles.TrialsOf(output));
        Assert.Equal(2, before.Count(line => line.Contains("\"validation\"", StringComparison.Ordinal) && line.StartsWith("{\"on\"", StringComparison.Ordinal)));
        var finished = Search(target, output);
        Assert.Equal(before.Length - 1, finished.Search!.KeptTrials);
        Assert.True(finished.Search.Trials.Count > 2);
    }

    [Fact]
    public void A_search_that_goes_on_does_not_quantize_again()
    {
        var step = Step(100) with { PostTraining = new() { Effort = QuantizationEffort.Balanced } };
        var context = Context() with { OutputPath = _folder.File("net.onnx"), CheckpointPath = _folder.File("net.onnx.checkpoint"), Key = "search" };
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => step.Run(s_network, context with { Cancellation = stop.Token, Events = new Stopper(stop, "trial 1") }));
        var tasks = new List<string>();
        var resumed = step.Run(s_network, context with { Events = new Tasks(tasks) });
        Assert.Contains("calibrate", tasks);
        Assert.DoesNotContain("choose ranges", tasks);
        Assert.Equal(ModelHash.Of(step.Run(s_network, Context() with { OutputPath = _folder.File("other.onnx") }).Graph), ModelHash.Of(resumed.Graph));
    }

    [Fact]
    public void Another_target_uses_the_same_trials()
    {
        var output = _folder.File("net.onnx");
        var all = Search(100, output).Search!;
        var found = Search(all.Chosen.Loss / 2, output).Search!;
        Assert.Equal(1, found.KeptTrials);
        var again = Search(all.Chosen.Loss / 2, output).Search!;
        Assert.Equal(File.ReadAllLines(SearchFiles.TrialsOf(output)).Length - 1, again.KeptTrials);
        Assert.Equal(found.Chosen, again.Chosen);
    }

    [Fact]
    public void Trials_of_something_else_are_refused_and_named()
    {
        var output = _folder.File("net.onnx");
        Search(100, output);
        var file = SearchFiles.TrialsOf(output);
        var saved = File.ReadAllText(file);
        Refuses("another model", () => Step(100).Run(PostTrainingTests.Network(seed: 4), Context() with { OutputPath = output }));
        Refuses("other settings", () => (Step(100) with { Quantization = s_settings with { Calibrator = new MaxCalibrator() } }).Run(s_network, Context() with { OutputPath = output }));
        Refuses("other settings", () => (Step(100) with { PostTraining = new() { Effort = QuantizationEffort.Balanced } }).Run(s_network, Context() with { OutputPath = output }));
        Refuses("other calibration images", () => Step(100).Run(s_network, Context() with { OutputPath = output, TrainingData = Images(96, 5000) }));
        Refuses("other validation images", () => Step(100).Run(s_network, Context() with { OutputPath = output, ValidationData = Images(40, 6000) }));
        File.WriteAllText(file, "my notes\n");
        Refuses("not what a search wrote", () => Search(100, output));
        Assert.Equal("my notes\n", File.ReadAllText(file));
        File.WriteAllText(file, saved + "{}\n");
        Refuses("Line 3", () => Search(100, output));

        void Refuses(string because, Func<object> search)
        {
            var message = Assert.Throws<PithException>(search).Message;
            Assert.Contains(because, message, StringComparison.Ordinal);
            Assert.Contains(file, message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Two_searches_do_not_write_the_same_trials()
    {
        var key = new TrialKey("1", "model", "settings", "data", "data");
        using var first = TrialJournal.Open(_folder.File("t.jsonl"), key);
        Assert.Contains("Is another search", Assert.Throws<PithException>(() => TrialJournal.Open(_folder.File("t.jsonl"), key)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_target_out_of_reach_gives_the_best_network_and_says_so()
    {
        var step = Step(0) with { Search = new SearchSettings { MaxDrop = 0, Metric = SearchMetric.Snr, LeastInt8 = 0.9 } };
        var found = step.Run(s_network, Context()).Search!;
        Assert.False(found.IsReached);
        Assert.Equal(found.Trials.Min(trial => trial.Loss), found.Chosen.Loss);
        Assert.True(found.Trials.Count > 1);
        Assert.All(found.Trials, trial => Assert.InRange(trial.Int8Share, 0.9, 1));
        Assert.StartsWith("Not reached", found.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void No_drop_at_all_may_be_asked_for()
    {
        var found = (Step(0) with { Search = new SearchSettings { MaxDrop = 0, Metric = SearchMetric.Agreement } }).Run(s_network, Context()).Search!;
        Assert.Equal(found.Chosen.Score.Agreements == found.Chosen.Score.Images, found.IsReached);
    }

    [Theory]
    [InlineData(SearchMetric.Top1)]
    [InlineData(SearchMetric.Agreement)]
    public void Scores_are_those_of_a_paired_evaluation(SearchMetric metric)
    {
        var (dataset, quantized) = (s_validation, new QuantizeStep(s_settings) { PostTraining = new() { Effort = QuantizationEffort.Fast } }.Run(s_network, Context()).Graph);
        var preprocessing = PreprocessingCatalog.Of(s_network.Metadata, dataset, null);
        var score = new SearchImages(s_network, dataset, preprocessing, metric, 1, TestContext.Current.CancellationToken).Of(quantized, null, TestContext.Current.CancellationToken);
        using var first = EngineBuilder.Build(s_network, new EngineOptions { MaxBatch = 32, TimeTactics = false });
        using var second = EngineBuilder.Build(quantized, new EngineOptions { MaxBatch = 32, TimeTactics = false });
        using var contextOfFirst = first.CreateContext();
        using var contextOfSecond = second.CreateContext();
        var expected = PairedEvaluation.Run((contextOfFirst, preprocessing), (contextOfSecond, preprocessing), dataset, new EvaluationOptions());
        Assert.Equal(expected.Comparison, score.Comparison);
        Assert.Equal(expected.Comparison.Agreements, score.Agreements);
        Assert.Equal(expected.Scores.SnrDecibels, score.SnrDecibels, 6);
    }

    [Fact]
    public void Without_labels_agreement_and_snr_can_be_told_and_top1_is_refused()
    {
        var data = new PostTrainingTests.NoiseDataset(40, 2000);
        var score = new SearchImages(s_network, data, PreprocessingCatalog.Of(s_network.Metadata, data, null), SearchMetric.Agreement, 1, TestContext.Current.CancellationToken).Of(s_network, null, TestContext.Current.CancellationToken);
        Assert.Equal((40, 0.0, null, 40), (score.Images, score.Error, score.Comparison, score.Agreements));
        Assert.Contains("without labels", Assert.Throws<PithException>(() => Step(1, SearchMetric.Top1).Run(s_network, Context() with { ValidationData = data })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_that_decide_do_not_calibrate()
    {
        var dataset = s_train;
        var others = (DatasetSubset)DrawnImages.NotDrawn(dataset, 32, seed: 7);
        Assert.Equal(64, others.Count);
        Assert.Empty(others.Indices.Intersect(DataSplit.Draw(dataset, 32, seed: 7)));
        Assert.Contains("leaves 16", Assert.Throws<PithException>(() => DrawnImages.NotDrawn(dataset, 80, seed: 7)).Message, StringComparison.Ordinal);
        Assert.Contains("leaves 0", Assert.Throws<PithException>(() => DrawnImages.NotDrawn(dataset, 100, seed: 7)).Message, StringComparison.Ordinal);
        var found = Step(100).Run(s_network, Context() with { ValidationData = null }).Search!;
        Assert.Equal(64, found.Chosen.Score.Images);
        Assert.Contains("do not calibrate", found.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void Activations_become_uint8_where_the_target_takes_that_and_it_helps()
    {
        var settings = s_settings with { Target = TargetCatalog.Parse("openvino") };
        var symmetric = Run(settings, 100);
        Assert.Null(symmetric.Chosen.Activations);
        var found = Run(settings, symmetric.Chosen.Loss / 2);
        var tried = Assert.Single(found.Trials, trial => trial is { Activations: ActivationForm.UInt8, FloatLayers.Count: 0 });
        Assert.Equal(tried.Score.Error < symmetric.Chosen.Score.Error ? ActivationForm.UInt8 : null, found.Chosen.Activations);
        Assert.Equal(found.Chosen.Activations, found.Quantization.Activations);
        // What was asked for is used; TensorRT takes int8 only.
        Assert.All(Run(settings with { Activations = ActivationForm.Symmetric }, symmetric.Chosen.Loss / 2).Trials, trial => Assert.Null(trial.Activations));
        Assert.All(Search(Search(100).Search!.Chosen.Loss / 2).Search!.Trials, trial => Assert.Null(trial.Activations));

        SearchResult Run(QuantizationSettings how, double target) => (Step(target) with { Quantization = how }).Run(s_network, Context()).Search!;
    }

    [Theory]
    [InlineData("""{ "max_drop": -0.1 }""", "max_drop")]
    [InlineData("""{ "max_drop": 101 }""", "max_drop")]
    [InlineData("""{ "max_drop": 1, "least_int8": 1.5 }""", "least_int8")]
    [InlineData("""{ "metric": "snr" }""", "there is no 'max_drop'")]
    [InlineData("""{ "least_int8": 0.9 }""", "there is no 'max_drop'")]
    [InlineData("""{ "max_drop": 1, "metric": "psnr" }""", "metric")]
    public void Settings_that_make_no_sense_are_refused(string json, string because) =>
        Assert.Contains(because, Assert.Throws<PithException>(() => StepCatalog.Find("quantize").Read(System.Text.Json.Nodes.JsonNode.Parse(json)!.AsObject(), "here")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_calibration_cache_and_a_search_exclude_each_other()
    {
        var cache = new CalibrationCache([KeyValuePair.Create("x", 1f)], new CalibrationCacheOrigin("model", "max", 1));
        Assert.Contains("max_drop", Assert.Throws<PithException>(() => Step(1).Run(s_network, Context() with { Cache = cache })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_model_says_what_was_searched_for_and_found()
    {
        var outcome = Search(100);
        var record = System.Text.Json.Nodes.JsonNode.Parse(outcome.Graph.Metadata[SearchedQuantization.MetadataKey])!;
        Assert.Equal((100.0, "snr", true, 40), ((double)record["max_drop"]!, (string)record["metric"]!, (bool)record["is_reached"]!, (int)record["images"]!));
        var entry = Provenance.Of(outcome.Graph.Metadata)[^1];
        Assert.Equal((100.0, 40), ((double)entry.Settings["max_drop"]!, entry.Validation!.Samples));
    }

    private static StepOutcome Search(double maxDrop, string? output = null) => Step(maxDrop).Run(s_network, Context() with { OutputPath = output });

    private static QuantizeStep Step(double maxDrop, SearchMetric metric = SearchMetric.Snr) =>
        new(s_settings) { PostTraining = new() { Effort = QuantizationEffort.Fast }, Search = new SearchSettings { MaxDrop = maxDrop, Metric = metric } };

    private static PostTrainingTests.NoiseDataset Images(int count, int seed) => new(count, seed, hasLabels: true);

    private static StepContext Context() => new() { Stage = "int8", TrainingData = s_train, ValidationData = s_validation, Threads = 1, FrontTiming = new() { Seconds = 0, WarmUpSeconds = 0, MinRuns = 1 } };

    private sealed class Tasks(List<string> seen) : IProgress<PithEvent>
    {
        public void Report(PithEvent value)
        {
            if (value is ProgressMade made) seen.Add(made.Task);
        }
    }

    private sealed class Stopper(CancellationTokenSource stop, string task) : IProgress<PithEvent>
    {
        public void Report(PithEvent value)
        {
            if (value is ProgressMade made && made.Task == task) stop.Cancel();
        }
    }
}
