using System.Globalization;

namespace Pith.Kernels.Jit;

/// <summary>
/// Tells Linux's <c>perf</c> the names of emitted kernels: one line for each in <c>/tmp/perf-PID.map</c>, when <c>PITH_PERF_MAP=1</c>. The .NET runtime adds its methods to the same file with
/// <c>DOTNET_PerfMapEnabled=1</c>. Thread-safe.
/// </summary>
internal static class PerfMap
{
    /// <summary>The environment variable.</summary>
    public const string Variable = "PITH_PERF_MAP";

    private static readonly string? s_path = Environment.GetEnvironmentVariable(Variable) == "1" && OperatingSystem.IsLinux() ? $"/tmp/perf-{Environment.ProcessId}.map" : null;
    private static readonly Lock s_gate = new();

    /// <summary>Names a piece of code; does nothing unless asked for.</summary>
    public static void Add(nint start, int bytes, string name)
    {
        if (s_path is null) return;
        lock (s_gate) File.AppendAllText(s_path, Line(start, bytes, name));
    }

    /// <summary>A line of the file: start and length in hexadecimal, and the name.</summary>
    public static string Line(nint start, int bytes, string name) => string.Create(CultureInfo.InvariantCulture, $"{start:x} {bytes:x} pith::{name}\n");
}
