using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Pith.Kernels;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The machine's processors.</summary>
/// <param name="Features">What kernels may use.</param>
/// <param name="Threads">Threads that a context uses unless told otherwise.</param>
internal sealed record Cpu(CpuFeatures Features, int Threads) : Device(Features, Threads)
{
    // Raised when kernels become faster or slower, so that old timings and choices are not believed.
    private const int KernelRevision = 3;

    // CPUID leaf 1: family, model and stepping. Features are never read from it, but speeds go with it.
    private static readonly string s_model = X86Base.IsSupported ? X86Base.CpuId(1, 0).Eax.ToString("x", CultureInfo.InvariantCulture) : "any";

    /// <summary>Architecture, features, threads, the CPU's family and model, and the revision of the kernels.</summary>
    public override string Kind => string.Create(CultureInfo.InvariantCulture, $"{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}-{Features}-{Threads}t-{s_model}-k{KernelRevision}");

    public override IReadOnlyList<Tactic> Tactics { get; init; } = TacticCatalog.Cpu;

    public override DeviceMemory Allocate(long bytes) => new AlignedMemory(bytes);
}
