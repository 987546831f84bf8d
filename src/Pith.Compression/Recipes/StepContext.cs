using Pith.Compression.Data;

namespace Pith.Compression;

/// <summary>What a step works with besides its settings: data, threads, earlier models, a place for its files, and who watches. One per step.</summary>
public sealed class StepContext
{
    /// <summary>The name of the stage that is being made; the progress bar shows it.</summary>
    public required string Stage { get; init; }

    /// <summary>Training data, which also calibrates; null when there is none.</summary>
    public ImageDataset? TrainingData { get; init; }

    /// <summary>Validation data; null when there is none.</summary>
    public ImageDataset? ValidationData { get; init; }

    /// <summary>How images become the network's input; null when there is no data.</summary>
    public Preprocessing? Preprocessing { get; init; }

    /// <summary>Threads; 0 means one per processor. No result depends on it.</summary>
    public int Threads { get; init; }

    /// <summary>Finds a teacher by what <see cref="TrainingSettings.Teacher"/> says: an earlier stage of a recipe, a file on the command line.</summary>
    public Func<string, Graph> FindModel { get; init; } = OnnxModelAt;

    /// <summary>Folder and first part of the name of the files that the step writes beside the model: <c>out/sparse</c> gives <c>out/sparse.checkpoint</c>. Null: it writes none.</summary>
    public string? FilePrefix { get; init; }

    /// <summary>Names everything that the result depends on; see <see cref="TrainingOptions.CheckpointKey"/>.</summary>
    public string Key { get; init; } = "";

    /// <summary>Receives progress and notes.</summary>
    public IProgress<PithEvent>? Events { get; init; }

    /// <summary>Stops the step.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>What the step's training run did; null until it ran, and for steps that do not train.</summary>
    public TrainingSummary? Training { get; private set; }

    /// <summary>Where training is saved and continued from; null without a <see cref="FilePrefix"/>. Delete it once the model is written.</summary>
    public string? CheckpointPath => FileAt(".checkpoint");

    /// <summary>The path of one of the step's files.</summary>
    internal string? FileAt(string suffix) => FilePrefix is null ? null : FilePrefix + suffix;

    /// <summary>The training data.</summary>
    /// <exception cref="PithException">There is none.</exception>
    internal ImageDataset RequireTrainingData() => TrainingData ?? throw new PithException($"'{Stage}' needs training data; none was given.");

    /// <summary>How images become the network's input.</summary>
    /// <exception cref="PithException">It is not known.</exception>
    internal Preprocessing RequirePreprocessing() => Preprocessing ?? throw new PithException($"'{Stage}' needs to know the preprocessing; none was given.");

    /// <summary>Trains a copy of <paramref name="graph"/>; what is 2:4 sparse by declaration stays so.</summary>
    /// <exception cref="PithException">See <see cref="Trainer"/>.</exception>
    internal Graph Train(Graph graph, TrainingSettings settings, IReadOnlyDictionary<string, Mask24> masks)
    {
        var data = new TrainingData(RequireTrainingData(), ValidationData, RequirePreprocessing());
        var result = Trainer.Run(graph, data, settings, new TrainingOptions
        {
            Task = Stage,
            Threads = Threads,
            Masks = masks,
            Teacher = settings.Teacher is { } teacher ? FindModel(teacher) : null,
            CheckpointPath = CheckpointPath,
            CheckpointKey = Key,
            Events = Events,
            Cancellation = Cancellation,
        });
        Training = result.Summary;
        result.Model.Metadata[Data.Preprocessing.MetadataKey] = data.Preprocessing.ToJson();
        return result.Model;
    }

    private static Graph OnnxModelAt(string path) => OnnxModel.Load(path);
}
