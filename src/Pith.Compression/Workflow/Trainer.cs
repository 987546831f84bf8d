using Pith.Compression.Data;

namespace Pith;

/// <summary>Trains image classifiers: <c>pith train</c> and <c>pith finetune</c> as calls. Equal arguments give equal bits, whatever the number of threads. Thread-safe.</summary>
public static class Trainer
{
    /// <summary>Trains all weights, usually from a random start.</summary>
    /// <param name="graph">A float classifier; not changed.</param>
    /// <param name="images">Labelled images.</param>
    /// <param name="settings">Epochs, rate, optimiser …; null for the defaults of <c>pith train</c>.</param>
    /// <param name="options">Validation data, teacher, checkpoint, threads, progress, cancellation.</param>
    /// <returns>The trained network, and how it went.</returns>
    /// <exception cref="PithException">Settings, network and data do not fit each other, or the loss became NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled; a checkpoint was written where there is a place for it.</exception>
    public static StepOutcome Train(Graph graph, ImageDataset images, TrainingSettings? settings = null, WorkOptions? options = null) =>
        Workflow.Run(new TrainStep(Workflow.WithTeacher(settings, options)), graph, images, options);

    /// <summary>Trains on from where the weights are. Layers that are 2:4 sparse keep their zeros.</summary>
    /// <inheritdoc cref="Train"/>
    public static StepOutcome FineTune(Graph graph, ImageDataset images, TrainingSettings? settings = null, WorkOptions? options = null) =>
        Workflow.Run(new FineTuneStep(Workflow.WithTeacher(settings, options)), graph, images, options);
}
