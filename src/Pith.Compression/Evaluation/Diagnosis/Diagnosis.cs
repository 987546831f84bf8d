namespace Pith.Compression.Evaluation;

/// <summary>How a diagnosis runs.</summary>
public sealed record DiagnosisOptions
{
    /// <summary>Images, drawn from the data.</summary>
    public int Samples { get; init; } = 32;

    /// <summary>Threads; 0 means one per processor. No result depends on it.</summary>
    public int Threads { get; init; }

    /// <summary>Receives <see cref="ProgressMade"/>.</summary>
    public IProgress<PithEvent>? Events { get; init; }

    /// <summary>Stops the work. While layers are being measured, what is done so far becomes the result.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>
/// Why a quantized network differs from its float form: where errors arise, which layers cost how much, how ranges fit. Errors of outputs are relative: the energy of the difference over the
/// energy of the float outputs, so that 0.01 is a signal-to-noise ratio of 20 dB; see <see cref="Decibels"/>.
/// </summary>
public sealed record Diagnosis
{
    /// <summary>Images that were run.</summary>
    public required int Images { get; init; }

    /// <summary>Whether the float network was given; else it was made from the quantized one.</summary>
    public required bool HasFloatModel { get; init; }

    /// <summary>Quantized layers with weights, and how many of these weights are the given float model's up to rounding.</summary>
    public required int WeightLayers { get; init; }

    /// <summary>Those whose float weight is known from the float model.</summary>
    public required int MatchedLayers { get; init; }

    /// <summary>The error of the quantized network at its outputs.</summary>
    public required double Error { get; init; }

    /// <summary>The error with activations in float.</summary>
    public required double ErrorOfWeights { get; init; }

    /// <summary>The error with weights in float.</summary>
    public required double ErrorOfActivations { get; init; }

    /// <summary>The error of the quantized network with every pair taken out, against the given float model: what is different apart from rounding. Null without one.</summary>
    public double? ErrorOfFloatForm { get; init; }

    /// <summary>Images of which the largest output is the same as in float; null when outputs are not one vector for each image.</summary>
    public int? Agreements { get; init; }

    /// <summary>Whether all layers were measured; false when somebody stopped it.</summary>
    public required bool IsComplete { get; init; }

    /// <summary>The activations with a pair, in execution order.</summary>
    public required IReadOnlyList<TensorDiagnosis> Tensors { get; init; }

    /// <summary>The quantized layers, in execution order.</summary>
    public required IReadOnlyList<LayerDiagnosis> Layers { get; init; }

    /// <summary>The costliest layers in float together, more from entry to entry.</summary>
    public required IReadOnlyList<FloatLayersTrial> FloatLayers { get; init; }

    /// <summary>What was found, the most important first.</summary>
    public required IReadOnlyList<DiagnosisFinding> Findings { get; init; }

    /// <summary>A relative error as a signal-to-noise ratio in decibels; infinite for 0.</summary>
    public static double Decibels(double error) => error == 0 ? double.PositiveInfinity : -10 * Math.Log10(error);
}

/// <summary>Something that a diagnosis found.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Rule">The kind of finding: <c>outputs</c>, <c>engine</c>, <c>parts</c>, <c>layers</c>, <c>float_model</c>, <c>weights</c>, <c>channels</c>, <c>dead_channels</c>, or one of <see cref="CalibrationFinding.Rule"/>.</param>
/// <param name="Message">What was found, for people.</param>
/// <param name="Next">What to try; null when there is nothing to do.</param>
public sealed record DiagnosisFinding(FindingSeverity Severity, string Rule, string Message, string? Next = null);
