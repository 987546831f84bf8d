namespace Pith.Kernels;

/// <summary>Cutting a length into the fewest parts of at most some size.</summary>
internal static class EvenParts
{
    /// <summary>How many parts of at most <paramref name="longest"/> cover <paramref name="length"/>.</summary>
    public static int Count(int length, int longest) => (length + longest - 1) / longest;

    /// <summary>The same for lengths beyond 32 bits.</summary>
    public static long Count(long length, long longest) => (length + longest - 1) / longest;

    /// <summary>The length of these parts when they are as equal as can be; the last may be shorter.</summary>
    public static int Length(int length, int longest) => Count(length, Count(length, longest));
}
