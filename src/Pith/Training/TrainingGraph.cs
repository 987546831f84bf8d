using Pith.Ops;
using Pith.Passes;

namespace Pith.Training;

/// <summary>How <see cref="TrainingGraph.Build"/> makes a training graph.</summary>
public sealed record TrainingGraphOptions
{
    /// <summary>The probability that the target shares out evenly among all classes, 0 to below 1.</summary>
    public float LabelSmoothing { get; init; }

    /// <summary>The labels are soft: the probability of each class, for images that are mixed of several.</summary>
    public bool SoftLabels { get; init; }

    /// <summary>Batch norm keeps using its running statistics, as late in QAT; its scale and bias are still trained.</summary>
    public bool FreezeBatchNorm { get; init; }

    /// <summary>The share of the distillation loss, 0 to 1; above 0 the graph gets the teacher's logits as an input, and the label's loss weighs the rest.</summary>
    public float DistillationWeight { get; init; }

    /// <summary>Whether the scales of QuantizeLinear/DequantizeLinear pairs are parameters; their gradients are those of learned step size quantization, times its factor 1 / sqrt(elements * largest step).</summary>
    public bool LearnScales { get; init; }

    /// <summary>The temperature of the distillation loss.</summary>
    public float DistillationTemperature { get; init; } = 4;
}

/// <summary>A constant of the inference graph that training changes.</summary>
/// <param name="Name">The constant's name in the inference graph, and the input's name in the training graph.</param>
/// <param name="Kind">What it is to the op that reads it.</param>
/// <param name="Input">The input of the training graph that the trainer feeds the current value to.</param>
/// <param name="Gradient">The output of the training graph: the gradient of the loss, of the same type.</param>
/// <param name="Initial">The constant's value; not to be changed in place, since the inference graph holds the same tensor.</param>
public sealed record TrainingParameter(string Name, ParameterKind Kind, Value Input, Value Gradient, Tensor<float> Initial);

/// <summary>A batch norm whose running statistics the trainer updates: running = running * momentum + batch * (1 - momentum).</summary>
/// <param name="MeanName">The constant of the inference graph that holds the running mean.</param>
/// <param name="VarianceName">The constant of the inference graph that holds the running variance.</param>
/// <param name="BatchMean">The output of the training graph with the batch's mean [C].</param>
/// <param name="BatchVariance">The output with the batch's biased variance [C], as ONNX defines the running one.</param>
/// <param name="InitialMean">The running mean at the start.</param>
/// <param name="InitialVariance">The running variance at the start.</param>
/// <param name="Momentum">What the running statistics keep of their old value.</param>
public sealed record BatchNormStatistics(
    string MeanName, string VarianceName, Value BatchMean, Value BatchVariance, Tensor<float> InitialMean, Tensor<float> InitialVariance, float Momentum);

/// <summary>
/// The training form of a classifier: batch norm with the batch's statistics, labels and loss appended, trained constants turned into inputs, their gradients into
/// outputs. It is an ordinary graph; whoever runs it feeds the parameters, and writes the result back into the inference graph with <see cref="WriteBack"/>.
/// </summary>
public sealed record TrainingGraph
{
    internal TrainingGraph() { }

    /// <summary>
    /// The graph. Inputs in order: those of the inference graph, labels, the teacher's logits when distilling, the parameters. Outputs in order: loss, logits, the gradients, then
    /// mean and variance of each batch norm.
    /// </summary>
    public required Graph Graph { get; init; }

    /// <summary>The network that <see cref="Parameters"/> and <see cref="Statistics"/> name constants of: what was given, or a copy in which ops that shared equal vectors have their own (<see cref="UntieParameters"/>).</summary>
    public required Graph Inference { get; init; }

    /// <summary>The input [N] int32 with the class of each image; [N, K] float32 with the probability of each class when labels are soft.</summary>
    public required Value Labels { get; init; }

    /// <summary>The input [N, K] with the teacher's logits; null unless distilling.</summary>
    public required Value? TeacherLogits { get; init; }

    /// <summary>The output with the scalar loss.</summary>
    public required Value Loss { get; init; }

    /// <summary>The output [N, K] with the network's answer before softmax.</summary>
    public required Value Logits { get; init; }

    /// <summary>What is trained.</summary>
    public required IReadOnlyList<TrainingParameter> Parameters { get; init; }

    /// <summary>Constants that look like parameters and are not trained, with the reason.</summary>
    public IReadOnlyList<UntrainedConstant> Untrained { get; init; } = [];

    /// <summary>The batch norms whose running statistics move; empty when they are frozen.</summary>
    public required IReadOnlyList<BatchNormStatistics> Statistics { get; init; }

    /// <summary>Builds the training form of <paramref name="inference"/>, which is not changed.</summary>
    /// <param name="inference">A classifier: its first output is logits [N, K] (or their softmax). May hold Q/DQ pairs (QAT).</param>
    /// <param name="options">Loss and batch norm.</param>
    /// <exception cref="PithException">The output is not a classification, nothing can be trained, or an op on the way has no gradient.</exception>
    public static TrainingGraph Build(Graph inference, TrainingGraphOptions options)
    {
        ArgumentNullException.ThrowIfNull(inference);
        ArgumentNullException.ThrowIfNull(options);
        return new TrainingGraphBuilder(WithOwnParameters(inference), options).Build();
    }

    /// <summary>The graph itself, or a copy in which ops that shared equal vectors have their own: what is trained.</summary>
    public static Graph WithOwnParameters(Graph inference)
    {
        ArgumentNullException.ThrowIfNull(inference);
        var own = inference.Clone();
        return new UntieParameters().Apply(own) > 0 ? own : inference;
    }

    /// <summary>The graph itself when its batch is open; else a copy whose batch is <c>N</c>, or null when the network is for its own batch only. Constants keep their names.</summary>
    public static Graph? WithOpenBatch(Graph inference) => BatchAxis.Open(inference);

    /// <summary>A copy of the inference graph in which the constants named in <paramref name="tensors"/> (parameters and running statistics) have these values.</summary>
    /// <exception cref="PithException">A name is not a constant of the graph, or a type or shape differs.</exception>
    public static Graph WriteBack(Graph inference, IReadOnlyDictionary<string, Tensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(inference);
        ArgumentNullException.ThrowIfNull(tensors);
        var trained = inference.Clone();
        foreach (var (name, tensor) in tensors)
            trained.SetConstant(trained.Find(name) ?? throw new PithException($"'{name}' is not a constant of graph '{inference.Name}', so the trained tensor cannot be written back."), tensor);
        return trained;
    }
}
