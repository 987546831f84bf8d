using Pith.Platform;

namespace Pith.Benchmarking;

/// <summary>Memory of this process.</summary>
public static class ProcessMemory
{
    /// <summary>The most bytes that were resident at once since the process began: what everything in it needed together.</summary>
    public static long PeakResidentBytes() => SystemFacts.PeakResidentBytes;
}
