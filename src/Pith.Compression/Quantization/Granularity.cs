namespace Pith.Compression.Quantization;

/// <summary>How many elements share one scale: <see cref="PerTensor"/> or <see cref="PerAxis"/>.</summary>
public abstract record Granularity
{
    private Granularity() { }

    /// <summary>One scale for the whole tensor; for activations.</summary>
    public sealed record PerTensor : Granularity;

    /// <summary>One scale per index along <paramref name="Axis"/>; for weights, along the output channels.</summary>
    /// <param name="Axis">The axis, counted from 0.</param>
    public sealed record PerAxis(int Axis) : Granularity;
}
