using System.Runtime.InteropServices;
using Pith.Platform;

namespace Pith.Benchmarking;

/// <summary>The machine in words, so that a measurement says where it was made.</summary>
public static class MachineDescription
{
    /// <summary>Processor, processors in reach, instruction sets, operating system and runtime.</summary>
    public static string Text { get; } = $"{SystemFacts.Processor}, {Environment.ProcessorCount} processors, {Pith.Kernels.Isa.Current}, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";
}
