using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The machine that tactics are chosen for.</summary>
/// <param name="Features">What kernels may use.</param>
/// <param name="Threads">Threads that a context uses unless told otherwise.</param>
internal sealed record Device(CpuFeatures Features, int Threads)
{
    private static readonly Func<Assembler, TileUnit> s_tiles = asm => new TileUnit(asm);

    /// <summary>Makes the AMX instructions for an assembler: the CPU's own, unless a test has others.</summary>
    public Func<Assembler, TileUnit> Tiles { get; init; } = s_tiles;

    /// <summary>Whether kernels may use tiles. Asks the operating system for the CPU's at the first call, so it is the last question about a layer.</summary>
    public bool MayUseTiles => Tiles != s_tiles || AmxPermission.IsGranted;

    // Raised when kernels become faster or slower, so that old timings and choices are not believed.
    private const int KernelRevision = 3;

    /// <summary>What must agree for timings and choices of one machine to hold on another: architecture, features, threads, the CPU's family and model, and the revision of the kernels.</summary>
    public string Kind => string.Create(CultureInfo.InvariantCulture, $"{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}-{Features}-{Threads}t-{s_cpu}-k{KernelRevision}");

    // CPUID leaf 1: family, model and stepping. Features are never read from it, but speeds go with it.
    private static readonly string s_cpu = X86Base.IsSupported ? X86Base.CpuId(1, 0).Eax.ToString("x", CultureInfo.InvariantCulture) : "any";
}
