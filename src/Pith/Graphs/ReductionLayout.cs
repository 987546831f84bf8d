using System.Numerics;

namespace Pith;

/// <summary>
/// Where the reduction axis of a weight lies: row-major elements seen as [<paramref name="Outer"/>, <paramref name="Reduction"/>, <paramref name="Inner"/>].
/// 2:4 sparsity groups four consecutive indices of the middle axis. Conv weights [K, C/groups, R, S] are (K, C/groups, R*S): quads lie along the
/// input channels for each (k, r, s); flattening C*R*S would be wrong for kernels larger than 1x1.
/// </summary>
/// <param name="Outer">The product of the sizes before the reduction axis.</param>
/// <param name="Reduction">The size of the reduction axis.</param>
/// <param name="Inner">The product of the sizes after it: the distance in elements between neighbours along the axis.</param>
public readonly record struct ReductionLayout(int Outer, int Reduction, int Inner)
{
    /// <summary>The number of elements.</summary>
    public int Length => Outer * Reduction * Inner;

    /// <summary>The number of groups of four.</summary>
    public int QuadCount => Outer * (Reduction / 4) * Inner;

    /// <summary>The layout of a tensor of shape <paramref name="shape"/> that is summed over along <paramref name="axis"/>.</summary>
    public static ReductionLayout Of(Shape shape, int axis) => new(shape.LengthOf(0, axis), shape[axis], shape.LengthOf(axis + 1, shape.Rank));

    /// <summary>The offset of the first element of quad number <paramref name="quad"/>; its others follow at distance <see cref="Inner"/>.</summary>
    public int QuadOffset(int quad)
    {
        var (block, inner) = Math.DivRem(quad, Inner);
        return block * 4 * Inner + inner;
    }

    /// <summary>The first quad, in storage order, with more than two non-zero weights; null when the 2:4 pattern holds.</summary>
    /// <param name="weights">All elements.</param>
    /// <typeparam name="T">Floats, or integers with zero point 0.</typeparam>
    /// <exception cref="PithException">The length does not fit the layout, or the reduction is not a multiple of 4.</exception>
    public Violation24? FirstViolation<T>(ReadOnlySpan<T> weights) where T : INumberBase<T>
    {
        RequireQuads(weights.Length);
        for (var quad = 0; quad < QuadCount; quad++)
        {
            var offset = QuadOffset(quad);
            var nonZeros = 0;
            for (var i = 0; i < 4; i++) nonZeros += T.IsZero(weights[offset + i * Inner]) ? 0 : 1;
            if (nonZeros <= 2) continue;
            var (outer, reduction, inner) = QuadPlace(quad);
            return new Violation24(outer, reduction, inner, nonZeros);
        }
        return null;
    }

    /// <summary>The three indices of the first element of quad number <paramref name="quad"/>.</summary>
    public (int Outer, int Reduction, int Inner) QuadPlace(int quad)
    {
        var (block, inner) = Math.DivRem(quad, Inner);
        var (outer, quadInRow) = Math.DivRem(block, Reduction / 4);
        return (outer, quadInRow * 4, inner);
    }

    /// <summary>Checks that <paramref name="length"/> elements can be divided into quads along the reduction axis.</summary>
    /// <exception cref="PithException">They cannot.</exception>
    public void RequireQuads(int length)
    {
        if (length != Length) throw new PithException($"A 2:4 pattern of layout {this} is for {Length} weights, got {length}.");
        if (Reduction % 4 != 0) throw new PithException($"2:4 sparsity needs a reduction axis whose length is a multiple of 4, got {Reduction}.");
    }
}
