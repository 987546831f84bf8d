using Pith.Tactics;

namespace Pith.Runtime;

/// <summary>Zeroed memory that a <see cref="Device"/> gives and its kernels address; whoever asked for it disposes it.</summary>
internal abstract unsafe class DeviceMemory : IDisposable
{
    /// <summary>The size that was asked for.</summary>
    public abstract long Bytes { get; }

    /// <summary>The address of the first byte.</summary>
    public abstract byte* Start { get; }

    public abstract void Dispose();
}
