using System.Diagnostics;
using Pith.Benchmarking;
using Pith.Compression.Data;
using Pith.Compression.Distribution;

namespace Pith.Compression.Recipes;

/// <summary>
/// Runs a recipe. Each step's model is written as <c>NAME.onnx</c> as soon as it is made, so nothing that took long is lost: steps that an earlier run finished are kept, an interrupted
/// training goes on from its checkpoint. At the end every reported stage is evaluated on the test set and timed. Of several processes the first one alone writes files, decides what is kept, evaluates and times; each
/// model that it has made is given to the others as the file's content.
/// </summary>
public sealed class RecipeRunner
{
    private readonly Recipe _recipe;
    private readonly string _folder;
    private readonly RecipeRunOptions _options;
    private readonly ProcessGroup _group;
    private readonly RecipeState _state;
    private readonly ImageDataset _test;
    private readonly ImageDataset? _train;
    private readonly ImageDataset? _validation;
    private readonly Dictionary<string, Stage> _stages = new(StringComparer.Ordinal);

    private RecipeRunner(Recipe recipe, string folder, RecipeRunOptions options)
    {
        (_recipe, _folder, _options, _group) = (recipe, folder, options, options.Group);
        // Everything that can be wrong with the data is found before anything that takes long.
        _test = DatasetCatalog.Open(recipe.Data.Test, options.Events);
        _train = Open(recipe.Data.Train, options.Events);
        _validation = Open(recipe.Data.Validation, options.Events);
        DataOverlap.Refuse([("Training", _train), ("validation", _validation), ("test", _test)], options.Events);
        // The others never look into it.
        _state = RecipeState.Load(Path.Combine(folder, "state.json"), options.Events);
    }

    /// <summary>Runs <paramref name="recipe"/>.</summary>
    /// <param name="recipe">What to do. Relative paths in it are relative to the working directory.</param>
    /// <param name="folder">Where models, calibration caches, checkpoints and <c>state.json</c> go; created when it is not there.</param>
    /// <param name="options">Threads, progress, cancellation.</param>
    /// <exception cref="PithException">A step cannot be done; what is finished stays.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled; what is finished stays, a training in progress is saved.</exception>
    public static RecipeReport Run(Recipe recipe, string folder, RecipeRunOptions options) => RunShared(recipe, folder, options)!;

    /// <summary>Runs a recipe in each of several processes.</summary>
    /// <returns>The report; null on all ranks but the first.</returns>
    internal static RecipeReport? RunShared(Recipe recipe, string folder, RecipeRunOptions options)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(options);
        return new RecipeRunner(recipe, folder, options).Run();
    }

    private RecipeReport? Run()
    {
        var clock = Stopwatch.StartNew();
        GroupAgreement.Require(_group, () => [("version of Pith", PithVersion.Text), ("recipe", string.Join('\n', _recipe.Stages.Select(stage => $"{stage.Name} {stage.From} {stage.Step.Kind} {stage.Step.ToJson().ToJsonString()}")))]);
        Start();
        for (var i = 0; i < _recipe.Stages.Count; i++)
        {
            // The others would end in the middle of what the first one does.
            if (_group.IsFirst) _options.Cancellation.ThrowIfCancellationRequested();
            RunStep(_recipe.Stages[i], i + 1);
        }
        var report = _group.IsFirst ? Report(clock) : null;
        _group.Barrier();
        return report;
    }

    private RecipeReport Report(Stopwatch clock)
    {
        var results = new StageMeasurement(_recipe, _test, _options).Measure([.. _stages.Values.Where(stage => stage.IsReported)]);
        return new RecipeReport
        {
            Recipe = _recipe.Name,
            PithVersion = PithVersion.Text,
            Finished = DateTimeOffset.UtcNow,
            Machine = MachineDescription.Text,
            Threads = _options.Threads > 0 ? _options.Threads : Environment.ProcessorCount,
            TrainingData = _recipe.Data.Train,
            ValidationData = _recipe.Data.Validation,
            TestData = _recipe.Data.Test,
            Baseline = results[0].Name,
            Stages = results,
            Seconds = clock.Elapsed.TotalSeconds,
        };
    }

    private static ImageDataset? Open(string? spec, IProgress<PithEvent>? events) => spec is null ? null : DatasetCatalog.Open(spec, events);

    private void Start()
    {
        var name = _recipe.Model.StageName;
        var file = PathOf(name, ".onnx");
        Graph? graph = null;
        if (_group.IsFirst)
        {
            graph = _recipe.Model.Open(_options.Events);
            graph.Metadata[Preprocessing.MetadataKey] = PreprocessingCatalog.Of(graph.Metadata, _train ?? _test, _recipe.Data.Preprocess).ToJson();
            OnnxModel.Save(graph, file);
        }
        // Random weights have nothing to report.
        _stages[name] = new Stage(name, "model", null, FromFirst(graph, file), file) { FileHash = _group.IsFirst ? RecipeState.HashOf(file) : "", IsReported = _recipe.Model.IsTrained };
    }

    private void RunStep(RecipeStage declared, int number)
    {
        var (name, step) = (declared.Name, declared.Step);
        var from = _stages[declared.From];
        var key = _group.IsFirst ? KeyOf(step, from) : "";
        var file = PathOf(name, ".onnx");
        _options.Events?.Report(new StepStarted(name, step.Kind, number, _recipe.Stages.Count));

        var kept = _group.IsFirst ? _state.Find(name, key, file) : null;
        var isKept = _group.Any(kept is not null);
        Graph? graph = null;
        if (isKept && _group.Size == 1) graph = OnnxModel.Load(file);
        else if (!isKept && (_group.IsFirst || step.SpreadsOverRanks)) graph = Apply(declared, from, key);
        graph = FromFirst(graph, file);
        var finished = _group.IsFirst ? kept ?? _state.Find(name, key, file)! : null;
        _stages[name] = new Stage(name, step.Kind, from.Name, graph, file)
        {
            FileHash = finished?.FileHash ?? "",
            IsReported = declared.Report,
            Training = finished?.Training,
            Seconds = finished?.Seconds ?? 0,
            WasKept = isKept,
        };
        _options.Events?.Report(new StepFinished(name, step.Kind, finished?.Seconds ?? 0, WasKept: isKept));
    }

    private string KeyOf(RecipeStep step, Stage from)
    {
        string[] inputs = step.Trains?.Teacher is { } teacher ? [from.FileHash, _stages[teacher].FileHash] : [from.FileHash];
        return RecipeState.KeyOf(step, inputs, _recipe.Data.Train, _recipe.Data.Validation, _recipe.Data.Preprocess);
    }

    /// <summary>The graph itself when there is one process; else all read the file of the first, which need not be on their machines, so that they have the same network. Waits for the first without keeping a processor busy.</summary>
    private Graph FromFirst(Graph? graph, string file)
    {
        if (_group.Size == 1) return graph!;
        _group.Barrier();
        return OnnxModel.Load(_group.FromFirst(() => File.ReadAllBytes(file)));
    }

    private Graph Apply(RecipeStage declared, Stage from, string key)
    {
        var clock = Stopwatch.StartNew();
        var checkpoint = PathOf(declared.Name, ".checkpoint");
        var outcome = declared.Step.Run(from.Graph, new StepContext
        {
            Stage = declared.Name,
            TrainingData = _train,
            ValidationData = _validation,
            Preprocess = _recipe.Data.Preprocess,
            Threads = _options.Threads,
            FindModel = name => _stages[name].Graph,
            CheckpointPath = checkpoint,
            OutputPath = PathOf(declared.Name, ".onnx"),
            GivesUpStaleTrials = true,
            Key = _group.IsFirst ? KeyOf(declared.Step.WithPrecision(TrainingPrecision.Auto), from) : "",
            Events = _options.Events,
            Cancellation = _options.Cancellation,
            Group = declared.Step.SpreadsOverRanks ? _group : ProcessGroup.Single,
        });
        if (!_group.IsFirst) return outcome.Graph;
        foreach (var finding in outcome.Findings) _options.Events?.Report(new Warning($"{declared.Name}: {finding.Message}"));
        if (outcome.Unreached is { } unreached) _options.Events?.Report(new Warning($"{declared.Name}: {unreached}"));
        OnnxModel.Save(outcome.Graph, PathOf(declared.Name, ".onnx"));
        outcome.Cache?.Write(PathOf(declared.Name, ".calibration"));
        _state.Add(declared.Name, key, PathOf(declared.Name, ".onnx"), clock.Elapsed.TotalSeconds, outcome.Training);
        File.Delete(checkpoint);
        File.Delete(SearchFiles.BestOf(PathOf(declared.Name, ".onnx")));
        return outcome.Graph;
    }

    private string PathOf(string stage, string suffix) => Path.Combine(_folder, stage + suffix);
}
