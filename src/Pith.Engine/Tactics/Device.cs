using System.Globalization;
using System.Runtime.InteropServices;
using Iced.Intel;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The machine that tactics are chosen for.</summary>
/// <param name="Isa">The instruction set that kernels may use.</param>
/// <param name="Threads">Threads that a context uses unless told otherwise.</param>
internal sealed record Device(IsaLevel Isa, int Threads)
{
    private static readonly Func<Assembler, TileUnit> s_tiles = asm => new TileUnit(asm);

    /// <summary>Makes the AMX instructions for an assembler: the CPU's own, unless a test has others.</summary>
    public Func<Assembler, TileUnit> Tiles { get; init; } = s_tiles;

    /// <summary>What must agree for timings and choices of one machine to hold on another.</summary>
    public string Kind => string.Create(CultureInfo.InvariantCulture, $"{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}-{Isa.ToString().ToLowerInvariant()}-{Threads}t");
}
