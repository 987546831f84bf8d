using Pith.Training;

namespace Pith.Compression.Training;

/// <summary>What a training run did, for reports. <see cref="ImagesPerSecond"/> and <see cref="Seconds"/> count this run only, not what a resumed checkpoint had done before.</summary>
public sealed record TrainingSummary
{
    /// <summary>Epochs that were trained: fewer than the settings say when validation did not improve any more, see <see cref="TrainingSettings.Patience"/>.</summary>
    public required int Epochs { get; init; }

    /// <summary>What the operands of products were rounded to: <see cref="TrainingPrecision.Fp32"/> or <see cref="TrainingPrecision.Bf16"/>.</summary>
    public TrainingPrecision Precision { get; init; } = TrainingPrecision.Fp32;

    /// <summary>Optimiser steps that were made.</summary>
    public required long Steps { get; init; }

    /// <summary>The mean loss of the last epoch.</summary>
    public required double Loss { get; init; }

    /// <summary>The share of training images classified right in the last epoch, 0 to 1.</summary>
    public required double TrainingAccuracy { get; init; }

    /// <summary>Top-1 on the validation set of the model that was kept, 0 to 1; null when nothing was validated.</summary>
    public double? ValidationTop1 { get; init; }

    /// <summary>The epoch, from 1, whose model was kept.</summary>
    public required int KeptEpoch { get; init; }

    /// <summary>Training images per second: loading, forward, backward and update.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>Processes that trained together.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>The share of the time, 0 to 1, in which this process waited for others: for their gradients after its own backward pass, and for loss and statistics. Null: there were no others.</summary>
    public double? CommunicationShare { get; init; }

    /// <summary>The share of the time, 0 to 1, in which training waited for images to be read, decoded and augmented.</summary>
    public double LoadingWaitShare { get; init; }

    /// <summary>Images per second that all cores could load by themselves, computed from the time that each image took beside training.</summary>
    public double LoadedImagesPerSecond { get; init; }

    /// <summary>Wall-clock seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>Loss and accuracy epoch by epoch.</summary>
    public ValueList<EpochResult> Curve { get; init; } = [];

    /// <summary>Constants that look like parameters and were left as they are, with the reason.</summary>
    public ValueList<UntrainedConstant> Untrained { get; init; } = [];
}
