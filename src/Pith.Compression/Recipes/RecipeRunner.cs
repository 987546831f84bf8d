using System.Diagnostics;
using Pith.Benchmarking;
using Pith.Compression.Data;

namespace Pith.Compression.Recipes;

/// <summary>
/// Runs a recipe. Each step's model is written as <c>NAME.onnx</c> as soon as it is made, so nothing that took long is lost: steps that an earlier run finished are kept, an interrupted
/// training goes on from its checkpoint. At the end every reported stage is evaluated on the test set and timed.
/// </summary>
public sealed class RecipeRunner
{
    private readonly Recipe _recipe;
    private readonly string _folder;
    private readonly RecipeRunOptions _options;
    private readonly RecipeState _state;
    private readonly ImageDataset _test;
    private readonly ImageDataset? _train;
    private readonly ImageDataset? _validation;
    private readonly Dictionary<string, Stage> _stages = new(StringComparer.Ordinal);

    private RecipeRunner(Recipe recipe, string folder, RecipeRunOptions options)
    {
        (_recipe, _folder, _options) = (recipe, folder, options);
        // Everything that can be wrong with the data is found before anything that takes long.
        _test = DatasetCatalog.Open(recipe.Data.Test, options.Events);
        _train = Open(recipe.Data.Train, options.Events);
        _validation = Open(recipe.Data.Validation, options.Events);
        DataOverlap.Refuse([("Training", _train), ("validation", _validation), ("test", _test)], options.Events);
        _state = RecipeState.Load(Path.Combine(folder, "state.json"), options.Events);
    }

    /// <summary>Runs <paramref name="recipe"/>.</summary>
    /// <param name="recipe">What to do. Relative paths in it are relative to the working directory.</param>
    /// <param name="folder">Where models, calibration caches, checkpoints and <c>state.json</c> go; created when it is not there.</param>
    /// <param name="options">Threads, progress, cancellation.</param>
    /// <exception cref="PithException">A step cannot be done; what is finished stays.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled; what is finished stays, a training in progress is saved.</exception>
    public static RecipeReport Run(Recipe recipe, string folder, RecipeRunOptions options)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(options);
        return new RecipeRunner(recipe, folder, options).Run();
    }

    private RecipeReport Run()
    {
        var clock = Stopwatch.StartNew();
        Start();
        for (var i = 0; i < _recipe.Stages.Count; i++)
        {
            _options.Cancellation.ThrowIfCancellationRequested();
            RunStep(_recipe.Stages[i], i + 1);
        }
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
        var graph = _recipe.Model.Open(_options.Events);
        graph.Metadata[Preprocessing.MetadataKey] = PreprocessingCatalog.Of(graph.Metadata, _train ?? _test, _recipe.Data.Preprocess).ToJson();
        var file = PathOf(name, ".onnx");
        OnnxModel.Save(graph, file);
        // Random weights have nothing to report.
        _stages[name] = new Stage(name, "model", null, graph, file) { FileHash = RecipeState.HashOf(file), IsReported = _recipe.Model.IsTrained };
    }

    private void RunStep(RecipeStage declared, int number)
    {
        var (name, step) = (declared.Name, declared.Step);
        var from = _stages[declared.From];
        string[] inputs = step.Trains?.Teacher is { } teacher ? [from.FileHash, _stages[teacher].FileHash] : [from.FileHash];
        var key = RecipeState.KeyOf(step, inputs, _recipe.Data.Train, _recipe.Data.Validation, _recipe.Data.Preprocess);
        var file = PathOf(name, ".onnx");
        _options.Events?.Report(new StepStarted(name, step.Kind, number, _recipe.Stages.Count));

        var kept = _state.Find(name, key, file);
        var graph = kept is null ? Apply(declared, from, key) : OnnxModel.Load(file);
        var finished = kept ?? _state.Find(name, key, file)!;
        _stages[name] = new Stage(name, step.Kind, from.Name, graph, file)
        {
            FileHash = finished.FileHash,
            IsReported = declared.Report,
            Training = finished.Training,
            Seconds = finished.Seconds,
            WasKept = kept is not null,
        };
        _options.Events?.Report(new StepFinished(name, step.Kind, finished.Seconds, WasKept: kept is not null));
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
            Key = key,
            Events = _options.Events,
            Cancellation = _options.Cancellation,
        });
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
