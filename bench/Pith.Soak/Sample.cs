using System.Diagnostics;
using System.Globalization;

namespace Pith.Soak;

/// <summary>What the process holds between two rounds.</summary>
/// <param name="Seconds">Since the start.</param>
/// <param name="Runs">Runs so far.</param>
/// <param name="ResidentBytes">Memory of the process.</param>
/// <param name="ManagedBytes">What the garbage collector holds after a full collection.</param>
/// <param name="Threads">Threads of the process but those of the runtime's pool, which grows on a busy machine, when all contexts are disposed.</param>
/// <param name="Handles">Open files and the like.</param>
/// <param name="IdleCpu">Processors in use (1 is one processor) while contexts exist and nobody runs them.</param>
internal readonly record struct Sample(double Seconds, long Runs, long ResidentBytes, long ManagedBytes, int Threads, int Handles, double IdleCpu)
{
    public static string Header => "seconds      runs  resident MiB  native MiB  managed MiB  threads  handles  idle CPU";

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Seconds,7:F0} {Runs,9} {Mebibytes(ResidentBytes),13:F1} {Mebibytes(ResidentBytes - ManagedBytes),11:F1} {Mebibytes(ManagedBytes),12:F2} {Threads,8} {Handles,8} {IdleCpu,8:P1}");

    public static Sample Take(double seconds, long runs, double idleCpu)
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }
        using var process = Process.GetCurrentProcess();
        var handles = OperatingSystem.IsLinux() ? Directory.GetFileSystemEntries("/proc/self/fd").Length : process.HandleCount;
        return new Sample(seconds, runs, process.WorkingSet64, GC.GetTotalMemory(forceFullCollection: false), process.Threads.Count - ThreadPool.ThreadCount, handles, idleCpu);
    }

    private static double Mebibytes(long bytes) => bytes / 1048576.0;
}
