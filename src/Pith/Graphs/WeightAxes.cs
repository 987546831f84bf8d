namespace Pith;

/// <summary>
/// Where the weights of a layer lie: the axis that is summed over and the axis of output channels, each by its size and by the distance of its neighbours in the row-major tensor. The two may stand in either order,
/// so Conv weights [K, C/groups, R, S], ConvTranspose weights [C, K/groups, R, S], matrices (C, K) and (K, C) and stacks of them are all described alike. What remains (kernel positions, matrices of a stack)
/// is a position; V:2:4 shares a pattern across output channels at each position by itself.
/// </summary>
public readonly record struct WeightAxes
{
    /// <param name="reduction">The axis that is summed over.</param>
    /// <param name="outputs">The size of the axis of output channels; 1 when the weight has none.</param>
    /// <param name="outputStride">The distance in elements between neighbouring output channels.</param>
    /// <param name="outputsPerGroup">Output channels of one convolution group; patterns are never shared across groups.</param>
    /// <exception cref="PithException">The two axes overlap, or do not fit the tensor.</exception>
    public WeightAxes(ReductionLayout reduction, int outputs = 1, int outputStride = 0, int outputsPerGroup = 1)
    {
        Reduction = reduction;
        // A single channel has no neighbours; the length as its distance makes it the outermost axis.
        (Outputs, OutputStride, OutputsPerGroup) = outputs == 1 ? (1, reduction.Length, 1) : (outputs, outputStride, outputsPerGroup);
        var isOuter = OutputStride > 0 && OutputStride % Math.Max(1, reduction.Reduction * reduction.Inner) == 0;
        var isInner = OutputStride > 0 && reduction.Inner % Math.Max(1, Outputs * OutputStride) == 0;
        if (reduction.Length > 0 && (OutputsPerGroup < 1 || Outputs % OutputsPerGroup != 0 || reduction.Length % (Outputs * OutputStride) != 0 || !isOuter && !isInner))
            throw new PithException($"Output channels ({outputs}, {outputsPerGroup} in a group, {outputStride} elements apart) do not fit a weight of layout {reduction}.");
    }

    /// <summary>The axis that is summed over.</summary>
    public ReductionLayout Reduction { get; }

    /// <summary>The size of the axis of output channels.</summary>
    public int Outputs { get; }

    /// <summary>The distance in elements between neighbouring output channels.</summary>
    public int OutputStride { get; }

    /// <summary>Output channels of one convolution group.</summary>
    public int OutputsPerGroup { get; }

    /// <summary>
    /// The distance between neighbouring output channels in numbers of quads, as <see cref="ReductionLayout.QuadOffset"/> counts them: quads in storage order are the weight's tensor with a reduction axis a quarter as long.
    /// </summary>
    public int QuadStride => OutputStride < Reduction.Reduction * Reduction.Inner ? OutputStride : OutputStride / 4;

    /// <summary>The layout of a weight of shape <paramref name="shape"/>, e.g. <c>Of([K, C/groups, R, S], 1, 0, groups)</c> for Conv.</summary>
    /// <param name="shape">The weight's sizes.</param>
    /// <param name="reductionAxis">The axis that is summed over.</param>
    /// <param name="outputAxis">The axis of output channels; null for a vector.</param>
    /// <param name="outputsPerGroup">Output channels of one convolution group; null: all.</param>
    public static WeightAxes Of(Shape shape, int reductionAxis, int? outputAxis, int? outputsPerGroup = null) =>
        outputAxis is { } axis
            ? new(ReductionLayout.Of(shape, reductionAxis), shape[axis], shape.LengthOf(axis + 1, shape.Rank), outputsPerGroup ?? shape[axis])
            : new(ReductionLayout.Of(shape, reductionAxis));

    /// <summary>The output channel of an element of the row-major tensor.</summary>
    public int OutputOf(int index) => index / OutputStride % Outputs;

    /// <summary>
    /// The sets of quads that share a pattern when <paramref name="channels"/> output channels do: the number of the first one, and how many there are, each <see cref="QuadStride"/> after the one before. The last set of
    /// each convolution group may be smaller.
    /// </summary>
    public IEnumerable<(int First, int Count)> SharedQuads(int channels)
    {
        if (Reduction.QuadCount == 0) yield break;
        var block = Outputs * QuadStride;
        for (var start = 0; start < Reduction.QuadCount; start += block)
            for (var group = 0; group < Outputs; group += OutputsPerGroup)
                for (var first = 0; first < OutputsPerGroup; first += channels)
                    for (var position = 0; position < QuadStride; position++)
                        yield return (start + (group + first) * QuadStride + position, Math.Min(channels, OutputsPerGroup - first));
    }
}
