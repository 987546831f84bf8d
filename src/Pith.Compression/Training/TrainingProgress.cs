namespace Pith.Compression.Training;

/// <summary>Training moved on: the numbers behind the bar.</summary>
/// <param name="Task">The name of the stage that is being trained.</param>
/// <param name="Done">Images trained on so far, over all epochs.</param>
/// <param name="Total">Images in all.</param>
/// <param name="Detail">The numbers below as text, for the bar.</param>
public sealed record TrainingProgress(string Task, long Done, long Total, string Detail) : ProgressMade(Task, Done, Total, Detail)
{
    /// <summary>The current epoch, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>The loss, averaged over the epoch so far.</summary>
    public required double Loss { get; init; }

    /// <summary>The share of training images classified right in the epoch so far, 0 to 1 (augmented, and before the update that they cause).</summary>
    public required double Accuracy { get; init; }

    /// <summary>Forward, backward and update together, averaged over this run.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>The learning rate of the last step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The share of this run's time, 0 to 1, in which training waited for images to be loaded.</summary>
    public required double LoadingWaitShare { get; init; }

    /// <summary>Seconds until the last epoch is done, at the speed so far.</summary>
    public required double SecondsLeft { get; init; }
}

/// <summary>An epoch is finished.</summary>
/// <param name="Task">The name of the stage that is being trained.</param>
/// <param name="Epoch">Which, from 1.</param>
/// <param name="Epochs">Of how many.</param>
/// <param name="Loss">The mean loss over the epoch.</param>
/// <param name="TrainingAccuracy">The share of training images classified right while they were trained on, 0 to 1.</param>
/// <param name="ValidationTop1">Top-1 on the validation set, 0 to 1; null when the epoch was not validated.</param>
public sealed record EpochFinished(string Task, int Epoch, int Epochs, double Loss, double TrainingAccuracy, double? ValidationTop1) : PithEvent;

/// <summary>One epoch of a training curve.</summary>
/// <param name="Epoch">Which, from 1.</param>
/// <param name="LearningRate">The rate of its last step.</param>
/// <param name="Loss">The mean loss over the epoch, with augmentation, label smoothing and teacher.</param>
/// <param name="TrainingAccuracy">The share of training images classified right while they were trained on, 0 to 1.</param>
/// <param name="ValidationLoss">The mean cross-entropy of the labels on the validation set; null when the epoch was not validated, or it is not finite.</param>
/// <param name="ValidationTop1">Top-1 on the validation set, 0 to 1; null when the epoch was not validated.</param>
public sealed record EpochResult(int Epoch, double LearningRate, double Loss, double TrainingAccuracy, double? ValidationLoss = null, double? ValidationTop1 = null);
