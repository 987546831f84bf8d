using Pith.Benchmarking;
using Pith.Compression.Data;
using Pith.Compression.Distribution;

namespace Pith.Compression.Recipes;

/// <summary>What a step works with besides the model and its settings: data, threads, earlier models, where training is saved, and who watches.</summary>
public sealed record StepContext
{
    /// <summary>The name of the stage that is being made; progress bars show it.</summary>
    public required string Stage { get; init; }

    /// <summary>Training data, which also calibrates; null when there is none.</summary>
    public ImageDataset? TrainingData { get; init; }

    /// <summary>Validation data; null when there is none.</summary>
    public ImageDataset? ValidationData { get; init; }

    /// <summary>How images become the network's input; null: what the model's metadata says, else what is usual for the data.</summary>
    public Preprocessing? Preprocess { get; init; }

    /// <summary>Threads; 0 means one per processor. No result depends on it, except what is chosen by timing.</summary>
    public int Threads { get; init; }

    /// <summary>Finds a teacher by what <see cref="TrainingSettings.Teacher"/> says: an earlier stage of a recipe; unless set otherwise, a file.</summary>
    public Func<string, Graph> FindModel { get; init; } = path => OnnxModel.Load(path);

    /// <summary>A calibration cache to take the scales from instead of calibrating; null: calibrate.</summary>
    public CalibrationCache? Cache { get; init; }

    /// <summary>Where training, and what quantization has chosen so far, is saved and continued from; null: nowhere. Delete it once the model is written.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>The file that the new model will be written to: a search keeps its trials and the best network so far beside it, see <see cref="SearchFiles"/>. Null: nowhere.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Whether trials that belong to other things are given up, with a note, instead of refused: in a recipe, whose steps run again when what they depend on changes.</summary>
    internal bool GivesUpStaleTrials { get; init; }

    /// <summary>Names everything that the result depends on but the precision of training; see <see cref="TrainingOptions.CheckpointKey"/>.</summary>
    public string Key { get; init; } = "";

    /// <summary>Receives progress and notes.</summary>
    public IProgress<PithEvent>? Events { get; init; }

    /// <summary>Stops the step.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Seconds between two checkpoints of a training.</summary>
    internal double CheckpointSeconds { get; init; } = TrainingOptions.DefaultCheckpointSeconds;

    /// <summary>A folder that gets a training as event files for TensorBoard; null: none.</summary>
    internal string? TensorBoardFolder { get; init; }

    /// <summary>The processes that train together.</summary>
    internal ProcessGroup Group { get; init; } = ProcessGroup.Single;

    /// <summary>How the networks of a search's front are timed.</summary>
    internal BenchmarkSettings FrontTiming { get; init; } = new() { Seconds = 1 };

    /// <summary>Opens the journal of this step, with the results that an interrupted run of the same work has left.</summary>
    /// <param name="start">The network that the step begins with.</param>
    /// <param name="settings">All settings that results depend on.</param>
    /// <exception cref="PithException">No training data was given, or its files cannot be read.</exception>
    internal StepJournal OpenJournal(Graph start, params ReadOnlySpan<string> settings)
    {
        var data = RequireTrainingData();
        string[] key = [Key, PithVersion.Text, ModelHash.Of(start), .. settings, $"{data.Name} {data.Count}", PreprocessingOf(start, data).ToJson()];
        return new StepJournal(CheckpointPath, string.Join('\n', key), Events);
    }

    /// <summary>Sets <see cref="Key"/> for a step that is run by itself, on a model and with data that were named on the command line.</summary>
    /// <param name="step">The step.</param>
    /// <param name="graph">The model that it starts from.</param>
    /// <param name="train">The specification of <see cref="TrainingData"/>.</param>
    /// <param name="validation">The specification of <see cref="ValidationData"/>.</param>
    /// <exception cref="PithException">The teacher cannot be loaded, or the data cannot be read.</exception>
    public StepContext WithKeyOf(RecipeStep step, Graph graph, string? train, string? validation)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentNullException.ThrowIfNull(graph);
        // The loaded model is hashed, so that weights in external files count; so is its metadata, which holds preprocessing and sparsity.
        var models = step.Trains?.Teacher is { } teacher ? new[] { graph, FindModel(teacher) } : [graph];
        var hashes = models.SelectMany(model => model.Metadata.Select(entry => $"{entry.Key}={entry.Value}").Prepend(ModelHash.Of(model)));
        return this with { Key = RecipeState.KeyOf(step.WithPrecision(TrainingPrecision.Auto), hashes, train, validation, Preprocess) };
    }

    /// <summary>The training data.</summary>
    /// <exception cref="PithException">There is none.</exception>
    internal ImageDataset RequireTrainingData() =>
        TrainingData ?? throw new PithException($"'{Stage}' needs training images. Say where they are: \"data\": {{ \"train\": … }} in a recipe, --data on the command line.");

    /// <summary>How images of <paramref name="data"/> become the input of <paramref name="graph"/>; noted in its metadata, as are the names of the classes, so that later steps need not be told.</summary>
    internal Preprocessing PreprocessingOf(Graph graph, ImageDataset data)
    {
        var preprocessing = PreprocessingCatalog.Of(graph.Metadata, data, Preprocess);
        graph.Metadata[Preprocessing.MetadataKey] = preprocessing.ToJson();
        ClassLabels.Note(graph, data);
        return preprocessing;
    }
}
