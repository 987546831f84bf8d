using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The numbers of a layer in the form that emitted convolutions take: what they compute with, weights, constants, and images where these cannot be read where they lie.</summary>
internal abstract unsafe class ConvParameters
{
    /// <summary>What the kernels compute with.</summary>
    public abstract ConvArithmetic Arithmetic { get; }

    /// <summary>The same for runs whose results do not fit the caches: stored past them. Null where there is no such code.</summary>
    public virtual ConvArithmetic? Streaming => null;

    /// <summary>The constants of all panels.</summary>
    public abstract byte* Shared { get; }

    /// <summary>Writes the weights of an output channel as runs into zeroed memory.</summary>
    /// <param name="state">The run, for weights and biases that it computes; null for constants.</param>
    /// <param name="channel">The layer's output channel.</param>
    /// <param name="channelInGroup">The same within its group of <see cref="ConvOperands"/>.</param>
    /// <param name="row">The bytes of the reduction.</param>
    public abstract void CopyWeights(RunState? state, int channel, int channelInGroup, byte* row);

    /// <summary>Packs the weights of a panel at once, for layers and kernels where that is faster than by way of <see cref="CopyWeights"/> and gives the same bytes.</summary>
    /// <param name="state">The run, for weights and biases that it computes; null for constants.</param>
    /// <param name="panel">The panel's shape.</param>
    /// <param name="channel">The layer's output channel that is the panel's first.</param>
    /// <param name="packed">Zeroed memory.</param>
    /// <returns>False when nothing was written.</returns>
    public virtual bool TryPack(RunState? state, PanelShape panel, int channel, byte* packed) => false;

    /// <summary>Fills the constants of one panel.</summary>
    /// <param name="state">The run, for weights and biases that it computes; null for constants.</param>
    /// <param name="panel">The panel's shape.</param>
    /// <param name="channelOf">The layer's channel for a channel of the panel, or -1 for none.</param>
    /// <param name="block">Zeroed memory.</param>
    public abstract void FillPanel(RunState? state, PanelShape panel, Func<int, int> channelOf, byte* block);

    /// <summary>The padded copies that kernels read, for operands that need them.</summary>
    public abstract PaddedImages Images { get; }
}
