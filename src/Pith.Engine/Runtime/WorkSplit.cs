using Pith.Kernels;

namespace Pith.Runtime;

/// <summary>Cutting work into parts for threads: equal shares, or pieces whose size does not depend on the number of threads.</summary>
internal static class WorkSplit
{
    // More than one, so that others take the parts of a thread that the system has stopped.
    private const int PartsPerThread = 4;

    /// <summary>Pieces of element-wise work, by elements: large enough to outweigh handing them out, small enough to balance.</summary>
    public static readonly Pieces Elements = new(16 << 10);

    /// <summary>The same by bytes of quantized tensors, a multiple of cache lines.</summary>
    public static readonly Pieces Bytes = new(32 << 10);

    /// <summary>The share of one of some parts, as equal as can be.</summary>
    public static (long First, long End) Share(long units, int part, int parts) => (units * part / parts, units * (part + 1) / parts);

    /// <summary>How many parts threads should get.</summary>
    /// <param name="worth">How many parts would be just large enough to be handed to another thread.</param>
    /// <param name="most">What the work consists of.</param>
    /// <param name="threads">The threads.</param>
    public static int Parts(double worth, long most, int threads)
    {
        if (threads == 1) return 1;
        var wanted = (int)Math.Min(Math.Clamp(worth, 1, PartsPerThread * threads), most);
        // As many for each thread: a remainder would leave the others waiting.
        return wanted > threads ? wanted / threads * threads : wanted;
    }
}

/// <summary>Pieces of one size; the last may be smaller.</summary>
/// <param name="Size">Units of a piece.</param>
internal readonly record struct Pieces(long Size)
{
    /// <summary>Pieces of this many units.</summary>
    public int Count(long units) => checked((int)EvenParts.Count(units, Size));

    /// <summary>The units of one of them.</summary>
    public (long First, long End) Of(int part, long units) => (part * Size, Math.Min(units, (part + 1) * Size));
}
