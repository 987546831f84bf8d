using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Pith;

/// <summary>Binds threads to processors, on Linux and Windows.</summary>
public static unsafe partial class ThreadAffinity
{
    private const int LargestProcessor = 1023;

    /// <summary>Lets the calling thread run on one processor only, from now on.</summary>
    /// <param name="processor">The processor's number, from 0; on Windows within the thread's group, so below 64.</param>
    /// <exception cref="PithException">There is no such processor for this process, or the system has no affinity.</exception>
    public static void PinCurrentThread(int processor)
    {
        if (processor is < 0 or > LargestProcessor) throw new PithException($"Processor {processor} cannot be: numbers go from 0 to {LargestProcessor}.");
        var done = OperatingSystem.IsLinux() ? PinOnLinux(processor)
            : OperatingSystem.IsWindows() ? processor < 64 && SetThreadAffinityMask(GetCurrentThread(), (nuint)1 << processor) != 0
            : throw new PithException("Threads can be bound to processors on Linux and Windows only.");
        if (!done) throw new PithException($"A thread cannot be bound to processor {processor} ({new Win32Exception(Marshal.GetLastPInvokeError()).Message}); this process sees {Environment.ProcessorCount} processors.");
    }

    private static bool PinOnLinux(int processor)
    {
        var mask = stackalloc ulong[(LargestProcessor + 1) / 64];
        mask[processor / 64] = 1ul << (processor % 64);
        return SetAffinity(0, (LargestProcessor + 1) / 8, mask) == 0;
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int thread, nuint bytes, ulong* mask);

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentThread();

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nuint SetThreadAffinityMask(nint thread, nuint mask);
}
