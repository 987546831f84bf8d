using Pith.Building;
using Pith.Tactics;

namespace Pith.Runtime;

/// <summary>What layers see of a running context: the batch, the address of every slot, the threads and scratch memory.</summary>
internal sealed unsafe class RunState : IDisposable
{
    private readonly byte*[] _addresses;
    private readonly DeviceMemory _scratch;
    private readonly DeviceMemory _shared;
    private readonly long _scratchPerWorker;
    private readonly BorderedBody _bordered = new();
    private Slot? _border;

    public RunState(Device device, int slots, WorkerPool pool, long scratchPerWorker, long sharedScratch)
    {
        _addresses = new byte*[slots];
        Pool = pool;
        _scratchPerWorker = (scratchPerWorker + AlignedMemory.Alignment - 1) & -AlignedMemory.Alignment;
        _scratch = device.Allocate(_scratchPerWorker * pool.Threads);
        _shared = device.Allocate(sharedScratch);
    }

    /// <summary>Images of this run.</summary>
    public int Batch { get; set; }

    public WorkerPool Pool { get; }

    /// <summary>What batch norm shares its statistics with; null when the run has the whole batch.</summary>
    public IStatisticsExchange? Statistics { get; set; }

    /// <summary>The first byte of a slot's elements: the first pixel, inside a border.</summary>
    public byte* Address(Slot slot)
    {
        var address = _addresses[slot.Owner.Index];
        return address != null ? address : throw new InvalidOperationException($"Slot {slot} has no memory in this run.");
    }

    /// <summary>Says where a slot's memory starts, its border included.</summary>
    public void SetMemory(Slot slot, byte* memory) => _addresses[slot.Owner.Index] = memory + slot.OriginBytes;

    /// <summary>Scratch memory of one worker, as large as the most demanding layer asked for; its content is undefined when a part starts.</summary>
    public byte* Scratch(int worker) => _scratch.Start + worker * _scratchPerWorker;

    /// <summary>Scratch memory that all workers share, as large as the most demanding layer asked for; its content is undefined when a layer starts.</summary>
    public byte* SharedScratch => _shared.Start;

    /// <summary>Runs the parts of a layer on the context's threads. See <see cref="WorkerPool.Run"/>.</summary>
    public void RunParallel(IParallelBody body, int parts, bool descending = false)
    {
        if (_border is null || parts == 0)
        {
            Pool.Run(body, this, parts, descending);
            return;
        }
        var border = _border;
        _border = null;
        _bordered.Run(this, border, body, parts);
    }

    /// <summary>Has the border of a slot written together with the next parts that are run.</summary>
    public void OpenBorder(Slot slot) => _border = slot;

    /// <summary>Writes the border now if no parts were run.</summary>
    public void CloseBorder()
    {
        if (_border is { } slot) BorderedBody.WriteShare(slot, this, 0, 1);
        _border = null;
    }

    /// <summary>Forgets the border: the layer that was to write it has failed.</summary>
    public void AbandonBorder() => _border = null;

    public void Dispose()
    {
        _scratch.Dispose();
        _shared.Dispose();
    }
}
