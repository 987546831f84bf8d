using Pith.Building;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>One layer built by one tactic, with memory of its own: runs again and again without the rest of the network.</summary>
internal sealed unsafe class LayerRun : IDisposable
{
    private readonly EngineResources _resources;
    private readonly CacheEviction _eviction;
    private readonly RunState _state;
    private readonly RunnableLayer _runnable;
    private readonly (Slot Slot, DeviceMemory Memory)[] _operands;

    /// <param name="tactic">A tactic that accepts the layer.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="network">The network that the layer belongs to.</param>
    /// <param name="maxBatch">The largest batch that it is built for.</param>
    /// <param name="batch">The batch that it runs.</param>
    /// <param name="device">The machine.</param>
    /// <param name="pool">The threads, which the caller owns; runs that are compared share them, so that nobody else's spin.</param>
    /// <param name="code">Emitted code that the caller owns; null for code of its own.</param>
    public LayerRun(Tactic tactic, Layer layer, LoweredNetwork network, int maxBatch, int batch, Device device, WorkerPool pool, CodeArena? code = null)
    {
        _resources = new EngineResources(device, code);
        _runnable = tactic.Build(layer, new BuildResources(_resources, maxBatch));
        _state = new RunState(device, network.Slots.Count, pool, _runnable.ScratchBytes, _runnable.SharedScratchBytes) { Batch = batch };
        _operands = [.. layer.Inputs.Concat(layer.Outputs).OfType<Slot>().Where(slot => slot.Constant is null).Distinct().Select(slot => (slot, device.Allocate(slot.Bytes(maxBatch))))];
        foreach (var (slot, memory) in _operands) _state.SetMemory(slot, memory.Start);
        _resources.Bind(_state);
        _eviction = new CacheEviction([.. _operands.Select(operand => operand.Memory)], pool.Threads);
    }

    /// <summary>Makes the next run one on cold caches.</summary>
    public void EmptyCaches() => _state.RunParallel(_eviction, _state.Pool.Threads);

    /// <summary>Computes the layer's results from whatever its operands hold; they begin as zeros.</summary>
    public void Run() => _runnable.Run(_state);

    /// <summary>Stores a row-major tensor in an operand of the layer.</summary>
    public void Write(Slot slot, Tensor tensor) => SlotTensors.Write(slot, _state, tensor);

    public void Dispose()
    {
        _state.Dispose();
        _eviction.Dispose();
        foreach (var (_, memory) in _operands) memory.Dispose();
        _resources.Dispose();
    }
}
