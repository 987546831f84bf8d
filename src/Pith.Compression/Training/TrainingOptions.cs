using Pith.Compression.Distribution;

namespace Pith.Compression.Training;

/// <summary>What a training run depends on besides <see cref="TrainingSettings"/>: masks, teacher, threads, where checkpoints go, who watches.</summary>
internal sealed record TrainingOptions
{
    /// <summary>Where nobody says otherwise: a minute's work is lost at most.</summary>
    public const double DefaultCheckpointSeconds = 60;

    /// <summary>What the progress bar says: the name of the stage.</summary>
    public string Task { get; init; } = "train";

    /// <summary>Threads; 0 means one per processor. The result does not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>2:4 masks by the name of the weight. Held throughout: gradient before, weight, momentum and every other state after each step.</summary>
    public IReadOnlyDictionary<string, Mask24> Masks { get; init; } = new Dictionary<string, Mask24>();

    /// <summary>Whether the scales of Q/DQ pairs are trained with the weights; see <see cref="ScaleMode.Learned"/>.</summary>
    public bool LearnScales { get; init; }

    /// <summary>The network to learn from; null: labels only.</summary>
    public Graph? Teacher { get; init; }

    /// <summary>Where the run is saved now and then, when it is cancelled and at its end, and continued from when the file is there; null: nowhere. The caller deletes it once the model is written.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>
    /// Names what the result depends on and the trainer cannot see, such as the content of the data: a checkpoint with another key is not continued, nor is one of another network, teacher (weights included), settings or version of Pith.
    /// </summary>
    public string CheckpointKey { get; init; } = "";

    /// <summary>Seconds between two checkpoints.</summary>
    public double CheckpointSeconds { get; init; } = DefaultCheckpointSeconds;

    /// <summary>A folder that gets the run as event files for TensorBoard; null: none.</summary>
    public string? TensorBoardFolder { get; init; }

    /// <summary>The processes that train together. The first one saves; its word counts where a checkpoint is continued.</summary>
    public ProcessGroup Group { get; init; } = ProcessGroup.Single;

    /// <summary>Receives <see cref="TrainingProgress"/> after each step, <see cref="EpochFinished"/> and notes.</summary>
    public IProgress<PithEvent>? Events { get; init; }

    /// <summary>Stops the run between two steps, after a checkpoint.</summary>
    public CancellationToken Cancellation { get; init; }
}
