using System.Runtime.InteropServices;

namespace Pith.Benchmarking;

/// <summary>The machine in words, so that a measurement says where it was made.</summary>
public static class MachineDescription
{
    /// <summary>Processor, processors in reach, instruction sets, operating system and runtime.</summary>
    public static string Text { get; } = $"{Processor()}, {Environment.ProcessorCount} processors, {Pith.Kernels.Isa.Current}, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";

    private static string Processor()
    {
        const string LinuxFile = "/proc/cpuinfo";
        const string Field = "model name";
        if (!File.Exists(LinuxFile)) return RuntimeInformation.ProcessArchitecture.ToString();
        var line = File.ReadLines(LinuxFile).FirstOrDefault(candidate => candidate.StartsWith(Field, StringComparison.Ordinal));
        return line is null ? RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
