using Pith.Building;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>What a tactic may ask for while it builds a layer. Thread-safe.</summary>
/// <param name="engine">What lives as long as the engine.</param>
/// <param name="maxBatch">The largest batch that the layer sees.</param>
internal sealed unsafe class BuildResources(EngineResources engine, int maxBatch)
{
    private readonly List<string> _kernelNames = [];

    public Device Device => engine.Device;

    /// <summary>Owns everything that is asked for.</summary>
    public EngineResources Owner => engine;

    /// <summary>The largest batch that the layer sees.</summary>
    public int MaxBatch => maxBatch;

    /// <summary>The names of the emitted kernels that the layer runs, in the order in which it asked for them.</summary>
    public IReadOnlyList<string> KernelNames
    {
        get
        {
            lock (_kernelNames) return [.. _kernelNames];
        }
    }

    /// <inheritdoc cref="CodeArena.Get"/>
    public nint Kernel(string name, object key, Func<byte[]> emit)
    {
        lock (_kernelNames)
            if (!_kernelNames.Contains(name)) _kernelNames.Add(name);
        return engine.Code.Get(name, key, emit);
    }

    /// <inheritdoc cref="EngineResources.Allocate"/>
    public byte* Allocate(long bytes) => engine.Allocate(bytes);

    /// <summary>A copy of <paramref name="items"/>.</summary>
    public T* Copy<T>(ReadOnlySpan<T> items) where T : unmanaged
    {
        var copy = (T*)Allocate((long)items.Length * sizeof(T));
        items.CopyTo(new Span<T>(copy, items.Length));
        return copy;
    }

    /// <summary>Says that the layer reads a constant operand at run time, so that its address is known then. Other slots are left as they are.</summary>
    public void KeepConstant(Slot? slot) => engine.Keep(slot, maxBatch);
}
