namespace Pith.Tactics;

/// <summary>Parts of element-wise work: large enough to outweigh handing them out, small enough to balance. Their size never depends on the number of threads.</summary>
internal static class Chunks
{
    private const long Elements = 16384;

    /// <summary>Parts of work over <paramref name="length"/> elements.</summary>
    public static int Count(long length) => checked((int)((length + Elements - 1) / Elements));

    /// <summary>The elements of one part.</summary>
    public static (long Begin, long End) Of(int part, long length) => (part * Elements, Math.Min(length, (part + 1) * Elements));
}
