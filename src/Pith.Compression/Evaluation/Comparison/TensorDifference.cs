namespace Pith.Compression.Evaluation;

/// <summary>How far one tensor is from its reference over all batches that were compared.</summary>
public sealed record TensorDifference
{
    /// <summary>The value's name in both networks.</summary>
    public required string Name { get; init; }

    /// <summary>Element type and shape in the reference.</summary>
    public required string Type { get; init; }

    /// <summary>Element type and shape in the other network, where the floats have another width there; null where the type is the same.</summary>
    public string? OtherType { get; init; }

    /// <summary>Whether it is an output of the reference.</summary>
    public required bool IsOutput { get; init; }

    /// <summary>Elements compared.</summary>
    public required long Count { get; init; }

    /// <summary>Elements whose bits differ; all of them where the types do.</summary>
    public required long Different { get; init; }

    /// <summary>The largest |reference - other|; NaN when only one of both is NaN.</summary>
    public required double MaxAbsoluteError { get; init; }

    /// <summary>Signal-to-noise ratio in decibels; infinite when both are equal, NaN when one has a NaN or an infinity that the other has not.</summary>
    public required double SnrDecibels { get; init; }

    /// <summary>The cosine of the angle between both.</summary>
    public required double Cosine { get; init; }
}

/// <summary>A tensor of one side that could not be compared.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsOutput">Whether it is an output.</param>
/// <param name="Reason">What is missing or different on the other side.</param>
public sealed record UnpairedTensor(string Name, bool IsOutput, string Reason);
