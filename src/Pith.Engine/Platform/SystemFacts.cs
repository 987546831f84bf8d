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

    /// <summary>The processors that this process may run on, as a list such as <c>0-3,8</c>; null where only Linux would know.</summary>
    public static string? AllowedProcessors => FieldOf("/proc/self/status", "Cpus_allowed_list");

    /// <summary>The same of the process that started this one.</summary>
    public static string? AllowedProcessorsOfParent => FieldOf("/proc/self/status", "PPid") is { } parent ? FieldOf($"/proc/{parent}/status", "Cpus_allowed_list") : null;

    // "name   : value"; null where the file or the field is missing, or the process that it is about is gone.
    private static string? FieldOf(string file, string name)
    {
        try
        {
            if (!File.Exists(file)) return null;
            var line = File.ReadLines(file).FirstOrDefault(candidate => candidate.StartsWith(name, StringComparison.Ordinal));
            return line is null ? null : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
