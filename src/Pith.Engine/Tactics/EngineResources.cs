using Pith.Building;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Native memory and emitted code that live as long as the engine. Thread-safe until it is disposed: layers are built side by side.</summary>
/// <param name="device">The machine.</param>
/// <param name="code">Emitted code that somebody else owns; null for code of its own.</param>
internal sealed unsafe class EngineResources(Device device, CodeArena? code = null) : IDisposable
{
    // Blocks grow from what a toy needs to several huge pages.
    private const long SmallestBlock = 64 << 10, LargestBlock = 16 << 20;

    private readonly List<DeviceMemory> _memory = [];
    private readonly Dictionary<Slot, nint> _constants = new(ReferenceEqualityComparer.Instance);
    private readonly Lock _gate = new();
    private long _used;
    private bool _disposed;

    public Device Device { get; } = device;

    /// <summary>Emitted kernels.</summary>
    public CodeArena Code { get; } = code ?? new CodeArena();

    /// <summary>Bytes handed out so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>Zeroed memory for packed weights and tables, with room after it for a vector that is loaded at its last element. Pieces lie next to each other.</summary>
    public byte* Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        var whole = (bytes + 2 * AlignedMemory.Alignment - 1) & -AlignedMemory.Alignment;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_memory.Count == 0 || _used + whole > _memory[^1].Bytes)
            {
                var next = _memory.Count == 0 ? SmallestBlock : Math.Min(2 * _memory[^1].Bytes, LargestBlock);
                _memory.Add(Device.Allocate(Math.Max(whole, next)));
                _used = 0;
            }
            var start = _memory[^1].Start + _used;
            _used += whole;
            Bytes += bytes;
            return start;
        }
    }

    /// <summary>Keeps a constant operand for run time, so that <see cref="RunState.Address"/> knows it. Other slots are left as they are.</summary>
    public void Keep(Slot? slot, int maxBatch)
    {
        if (slot?.Constant is not { } tensor) return;
        byte* memory;
        lock (_gate)
        {
            if (_constants.ContainsKey(slot)) return;
            memory = Allocate(slot.Bytes(maxBatch));
            _constants.Add(slot, (nint)memory);
        }
        fixed (byte* rowMajor = tensor.Bytes) SlotTensors.FromRowMajor(slot, maxBatch, rowMajor, memory);
    }

    /// <summary>Enters the kept constants into a context's table of addresses.</summary>
    public void Bind(RunState state)
    {
        foreach (var (slot, memory) in _constants) state.SetMemory(slot, (byte*)memory);
    }

    public void Dispose()
    {
        if (code is null) Code.Dispose();
        lock (_gate)
        {
            _disposed = true;
            foreach (var memory in _memory) memory.Dispose();
            _memory.Clear();
            _constants.Clear();
        }
    }
}
