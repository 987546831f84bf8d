using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>One layer built by one tactic, with threads and memory of its own: runs again and again without the rest of the network.</summary>
internal sealed unsafe class LayerRun : IDisposable
{
    private readonly BuildResources _resources;
    private readonly WorkerPool _pool;
    private readonly RunState _state;
    private readonly RunnableLayer _runnable;
    private readonly (Slot Slot, AlignedMemory Memory)[] _operands;

    /// <param name="tactic">A tactic that accepts the layer.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="network">The network that the layer belongs to; it runs at the largest batch.</param>
    /// <param name="device">The machine and its threads.</param>
    public LayerRun(Tactic tactic, Layer layer, LoweredNetwork network, Device device)
    {
        var batch = network.Shapes.MaxBatch;
        _resources = new BuildResources(device, batch);
        _runnable = tactic.Build(layer, _resources);
        _pool = new WorkerPool(device.Threads);
        _state = new RunState(network.Slots.Count, _pool, _runnable.ScratchBytes, _runnable.SharedScratchBytes) { Batch = batch };
        _operands = [.. layer.Inputs.Concat(layer.Outputs).OfType<Slot>().Where(slot => slot.Constant is null).Distinct().Select(slot => (slot, new AlignedMemory(slot.Bytes(batch))))];
        foreach (var (slot, memory) in _operands) _state.SetAddress(slot, memory.Start);
        _resources.Bind(_state);
    }

    /// <summary>Computes the layer's results from whatever its operands hold; they begin as zeros.</summary>
    public void Run() => _runnable.Run(_state);

    /// <summary>Stores a row-major tensor in an operand of the layer.</summary>
    public void Write(Slot slot, Tensor tensor) => SlotTensors.Write(slot, _state, tensor);

    public void Dispose()
    {
        _pool.Dispose();
        _state.Dispose();
        foreach (var (_, memory) in _operands) memory.Dispose();
        _resources.Dispose();
    }
}
