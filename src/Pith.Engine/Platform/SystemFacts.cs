using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Pith.Platform;

/// <summary>What the operating system knows of the machine and the process: read from Linux's files where they are, otherwise what .NET tells.</summary>
internal static class SystemFacts
{
    /// <summary>The folder of Linux's devices; null elsewhere.</summary>
    public static string? Sysfs => OperatingSystem.IsLinux() ? "/sys" : null;

    /// <summary>The processor's name on Linux, elsewhere its architecture.</summary>
    public static string Processor => FieldOf("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>The most bytes of this process that were resident at once.</summary>
    public static long PeakResidentBytes
    {
        get
        {
            // "12345 kB"
            if (FieldOf("/proc/self/status", "VmHWM")?.Split(' ') is [var kilobytes, ..] && long.TryParse(kilobytes, NumberStyles.None, CultureInfo.InvariantCulture, out var count)) return count * 1024;
            using var process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64;
        }
    }

    // "name   : value"; null where the file or the field is missing.
    private static string? FieldOf(string file, string name)
    {
        if (!File.Exists(file)) return null;
        var line = File.ReadLines(file).FirstOrDefault(candidate => candidate.StartsWith(name, StringComparison.Ordinal));
        return line is null ? null : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
