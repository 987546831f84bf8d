using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>The bounds of a Clip; infinite where it has none.</summary>
/// <param name="Low">The lower bound.</param>
/// <param name="High">The upper bound.</param>
internal readonly record struct ClipRange(float Low, float High)
{
    /// <summary>Whether 0 lies within the bounds.</summary>
    public bool HoldsZero => Low <= 0 && High >= 0;

    /// <summary>The bounds of <paramref name="node"/>; null when it is not a Clip, or a run computes a bound.</summary>
    public static ClipRange? Of(Node? node) =>
        node is { Op: Clip } && Bound(node, 1, float.NegativeInfinity) is { } low && Bound(node, 2, float.PositiveInfinity) is { } high ? new ClipRange(low, high) : null;

    private static float? Bound(Node clip, int index, float absent) =>
        clip.Input(index) is not { } bound ? absent : bound.Constant is Tensor<float> { Length: 1 } constant ? constant.Data[0] : null;
}
