using Pith.Building;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>What a tactic may ask for while it builds a layer: the device, the largest batch, and native memory and emitted code that live as long as the engine.</summary>
/// <param name="device">The machine.</param>
/// <param name="maxBatch">The largest batch.</param>
/// <param name="code">Emitted code that somebody else owns; null for code of its own.</param>
internal sealed unsafe class BuildResources(Device device, int maxBatch, CodeArena? code = null) : IDisposable
{
    private readonly List<AlignedMemory> _memory = [];
    private readonly Dictionary<Slot, AlignedMemory> _constants = new(ReferenceEqualityComparer.Instance);

    public Device Device { get; } = device;

    public int MaxBatch { get; } = maxBatch;

    /// <summary>Emitted kernels.</summary>
    public CodeArena Code { get; } = code ?? new CodeArena();

    /// <summary>Bytes handed out so far.</summary>
    public long Bytes => _memory.Sum(memory => memory.Bytes);

    /// <summary>Zeroed memory for packed weights and tables.</summary>
    public byte* Allocate(long bytes)
    {
        var memory = new AlignedMemory(bytes);
        _memory.Add(memory);
        return memory.Start;
    }

    /// <summary>A copy of <paramref name="items"/>.</summary>
    public T* Copy<T>(ReadOnlySpan<T> items) where T : unmanaged
    {
        var copy = (T*)Allocate((long)items.Length * sizeof(T));
        items.CopyTo(new Span<T>(copy, items.Length));
        return copy;
    }

    /// <summary>Says that the layer reads a constant operand at run time, so that <see cref="RunState.Address"/> knows it. Other slots are left as they are.</summary>
    public void KeepConstant(Slot? slot)
    {
        if (slot?.Constant is not { } tensor || _constants.ContainsKey(slot)) return;
        var memory = new AlignedMemory(slot.Bytes(MaxBatch));
        _memory.Add(memory);
        _constants.Add(slot, memory);
        fixed (byte* rowMajor = tensor.Bytes) SlotTensors.FromRowMajor(slot, MaxBatch, rowMajor, memory.Start);
    }

    /// <summary>Enters the kept constants into a context's table of addresses.</summary>
    public void Bind(RunState state)
    {
        foreach (var (slot, memory) in _constants) state.SetMemory(slot, memory.Start);
    }

    public void Dispose()
    {
        if (code is null) Code.Dispose();
        foreach (var memory in _memory) memory.Dispose();
        _memory.Clear();
        _constants.Clear();
    }
}
