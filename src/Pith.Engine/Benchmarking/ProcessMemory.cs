using System.Diagnostics;
using System.Globalization;

namespace Pith.Benchmarking;

/// <summary>Memory of this process.</summary>
public static class ProcessMemory
{
    /// <summary>The most bytes that were resident at once since the process began: what everything in it needed together.</summary>
    public static long PeakResidentBytes()
    {
        const string LinuxFile = "/proc/self/status";
        const string Field = "VmHWM:";
        if (File.Exists(LinuxFile))
        {
            // "VmHWM:     12345 kB"
            var line = File.ReadLines(LinuxFile).FirstOrDefault(candidate => candidate.StartsWith(Field, StringComparison.Ordinal));
            if (line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kilobytes, ..] && long.TryParse(kilobytes.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var count)) return count * 1024;
        }
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
