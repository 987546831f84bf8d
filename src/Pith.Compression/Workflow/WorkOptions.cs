using Pith.Compression.Data;

namespace Pith;

/// <summary>What <see cref="Pruner"/>, <see cref="Trainer"/> and <see cref="Quantizer"/> work with besides network, images and settings. Immutable, may be shared.</summary>
public sealed record WorkOptions
{
    /// <summary>How messages and progress call the work; null: the name of the operation.</summary>
    public string? Name { get; init; }

    /// <summary>How images become the network's input; null: what the model's metadata says, else what is usual for the data.</summary>
    public Preprocessing? Preprocess { get; init; }

    /// <summary>Labelled images to validate on while training; null: none.</summary>
    public ImageDataset? Validation { get; init; }

    /// <summary>The network to learn from; null: labels only.</summary>
    public Graph? Teacher { get; init; }

    /// <summary>Where training is saved now and then, and continued from when the file is there; null: nowhere. Delete it once the model is written.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>Threads; 0 means one per processor. No result depends on it, except what is chosen by timing.</summary>
    public int Threads { get; init; }

    /// <summary>Receives progress, decisions and warnings, from any thread.</summary>
    public IProgress<PithEvent>? Progress { get; init; }

    /// <summary>Stops the work with an <see cref="OperationCanceledException"/>; training is saved first where it has a place.</summary>
    public CancellationToken Cancellation { get; init; }
}
