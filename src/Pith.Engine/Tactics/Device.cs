using Pith.Building;
using Pith.Kernels;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>What engines are built for: its tactics and its memory.</summary>
/// <param name="Features">What kernels on its host's CPU may use.</param>
/// <param name="Threads">Threads that a context uses unless told otherwise.</param>
internal abstract record Device(CpuFeatures Features, int Threads)
{
    /// <summary>What must agree for timings and choices of one machine to hold on another.</summary>
    public abstract string Kind { get; }

    /// <summary>The tactics of all kinds of layers. Among those of a kind, earlier is preferred when estimates tie; the last is the reference, which accepts everything.</summary>
    public abstract IReadOnlyList<Tactic> Tactics { get; init; }

    /// <summary>The tactics of a kind of layer.</summary>
    public IEnumerable<Tactic> TacticsFor(Layer layer) => Tactics.Where(tactic => tactic.IsFor(layer));

    /// <summary>Memory for weights, activations and scratch.</summary>
    public abstract DeviceMemory Allocate(long bytes);
}
