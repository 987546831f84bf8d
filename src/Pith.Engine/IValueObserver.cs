using Pith.Building;
using Pith.Runtime;

namespace Pith;

/// <summary>Sees the values that <see cref="EngineOptions.Observed"/> names while a context runs: calibration and comparison are observers.</summary>
public interface IValueObserver
{
    /// <summary>Called on the thread that runs the context, once for each observed value, right after it was computed. The value is valid only during the call.</summary>
    void Observe(in ObservedValue value);
}

/// <summary>An observed value in the engine's own memory.</summary>
public readonly ref struct ObservedValue
{
    private readonly Slot _slot;
    private readonly RunState _state;

    internal ObservedValue(Slot slot, RunState state)
    {
        _slot = slot;
        _state = state;
    }

    /// <summary>The value's name in the graph.</summary>
    public string Name => _slot.Name;

    /// <summary>The logical shape at this run's batch.</summary>
    public Shape Shape => _slot.Shape.At(_state.Batch);

    /// <summary>All elements of a float value in the order in which they lie in memory, which need not be row-major; empty for other types. For statistics that do not depend on order.</summary>
    public ReadOnlySpan<float> Elements => SlotTensors.Floats(_slot, _state);

    /// <summary>Copies a float value in row-major order, without allocating.</summary>
    /// <param name="rowMajor">As many elements as the value has.</param>
    /// <exception cref="ArgumentException">It has another length, or the value is not float32.</exception>
    public void CopyTo(Span<float> rowMajor) => SlotTensors.Read(_slot, _state, rowMajor);

    /// <summary>A copy as a row-major tensor; allocates.</summary>
    public Tensor ToTensor() => SlotTensors.Read(_slot, _state);
}
