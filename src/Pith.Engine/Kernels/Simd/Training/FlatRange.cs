namespace Pith.Kernels.Simd;

/// <summary>Elements that a call works on, of a flat array that is cut into items of 16384 elements.</summary>
internal readonly record struct FlatRange(nint Begin, nint End)
{
    private const int ItemElements = 16384;

    /// <summary>Number of items of an array.</summary>
    public static int Items(nint count) => checked((int)((count + ItemElements - 1) / ItemElements));

    /// <summary>The elements of items [<paramref name="begin"/>, <paramref name="end"/>).</summary>
    public static FlatRange Of(nint count, int begin, int end) =>
        new(Math.Min(count, (nint)begin * ItemElements), Math.Min(count, (nint)end * ItemElements));
}
