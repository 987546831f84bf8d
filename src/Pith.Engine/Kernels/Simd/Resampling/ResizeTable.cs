using Pith.Ops;

namespace Pith.Kernels.Simd;

/// <summary>Resampling along one axis: each result is the sum of <see cref="Taps"/> elements with weights; where there are fewer, of the first with weight 0.</summary>
internal sealed class ResizeTable
{
    /// <param name="taps">For each index of the result, its elements.</param>
    public ResizeTable(ResizeTap[][] taps)
    {
        (Length, Taps) = (taps.Length, taps.Max(own => own.Length));
        (Sources, Weights) = (new int[Length * Taps], new float[Length * Taps]);
        for (var i = 0; i < Length; i++)
            for (var k = 0; k < Taps; k++)
                (Sources[k * Length + i], Weights[k * Length + i]) = k < taps[i].Length ? (taps[i][k].Input, (float)taps[i][k].Weight) : (taps[i][0].Input, 0);
    }

    /// <summary>The table of an axis that stays as it is.</summary>
    public static ResizeTable Identity(int size) => new([.. Enumerable.Range(0, size).Select(i => new[] { new ResizeTap(i, 1) })]);

    /// <summary>Results.</summary>
    public int Length { get; }

    /// <summary>Elements that one is made from.</summary>
    public int Taps { get; }

    /// <summary>[Taps, Length]: the elements' indices.</summary>
    public int[] Sources { get; }

    /// <summary>[Taps, Length]: their weights.</summary>
    public float[] Weights { get; }
}
