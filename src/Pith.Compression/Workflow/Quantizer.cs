using Pith.Compression.Data;

namespace Pith;

/// <summary>Makes INT8 networks with Q/DQ pairs: <c>pith quantize</c> and <c>pith qat</c> as calls. Thread-safe.</summary>
public static class Quantizer
{
    /// <summary>Post-training quantization.</summary>
    /// <param name="graph">A float network; not changed.</param>
    /// <param name="images">Calibration images; labels are not read.</param>
    /// <param name="settings">Calibrator, samples, layers, target runtime …; null for the defaults of <c>pith quantize</c>.</param>
    /// <param name="effort">How much is done for accuracy.</param>
    /// <param name="options">Threads, progress, cancellation.</param>
    /// <returns>The quantized network, and how each layer was quantized.</returns>
    /// <exception cref="PithException">Settings, network and images do not fit each other, or the network is quantized already.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static StepOutcome Quantize(Graph graph, ImageDataset images, QuantizationSettings? settings = null, QuantizationEffort effort = QuantizationEffort.Balanced, WorkOptions? options = null) =>
        Workflow.Run(new QuantizeStep(settings ?? new QuantizationSettings()) { PostTraining = new PostTrainingSettings { Effort = effort } }, graph, images, options);

    /// <summary>Quantization-aware training: calibrates, then trains through the Q/DQ pairs. Layers that are 2:4 sparse keep their zeros.</summary>
    /// <param name="graph">A float classifier; not changed.</param>
    /// <param name="images">Labelled images.</param>
    /// <param name="settings">How to quantize; null for the defaults.</param>
    /// <param name="training">How to train; null for the defaults.</param>
    /// <param name="options">Validation data, teacher, checkpoint, threads, progress, cancellation.</param>
    /// <param name="scales">Whether scales are trained with the weights.</param>
    /// <returns>The quantized network, how each layer was quantized, and how training went.</returns>
    /// <exception cref="PithException">Settings, network and images do not fit each other, the network is quantized already, or the loss became NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled; a checkpoint was written where there is a place for it.</exception>
    public static StepOutcome QuantizeAware(Graph graph, ImageDataset images, QuantizationSettings? settings = null, TrainingSettings? training = null, WorkOptions? options = null, ScaleMode scales = ScaleMode.Frozen) =>
        Workflow.Run(new QatStep(settings ?? new QuantizationSettings(), Workflow.WithTeacher(training, options)) { Scales = new ScaleSettings { Scales = scales } }, graph, images, options);
}
