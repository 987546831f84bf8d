using System.Diagnostics;
using Pith.Building;
using Pith.Runtime;

namespace Pith;

/// <summary>
/// Memory and threads for running an <see cref="Engine"/>, one caller at a time. Write the inputs, run, read the outputs. A run allocates nothing and takes no locks,
/// except in layers that only the reference tactic can run.
/// </summary>
public sealed unsafe class ExecutionContext : IDisposable
{
    private readonly Engine _engine;
    private readonly RunState _state;
    private readonly ImageLanes _images;
    private readonly AlignedMemory _arena;
    private readonly List<AlignedMemory> _inputs = [];
    private readonly BuiltLayer[] _layers;
    private readonly Slot[][] _observed;
    private readonly Slot[] _observedInputs;
    private bool _disposed;

    internal ExecutionContext(Engine engine, int threads, IReadOnlyList<int>? processors)
    {
        _engine = engine;
        _layers = engine.Built;
        var network = engine.Network;
        _state = new RunState(network.Slots.Count, new WorkerPool(threads, processors), Largest(layer => layer.ScratchBytes), Largest(layer => layer.SharedScratchBytes)) { Batch = engine.MaxBatch };
        _arena = new AlignedMemory(engine.Memory.Bytes);
        foreach (var slot in network.Slots)
            if (slot.Kind == SlotKind.Computed && !engine.Memory.PerImage[slot.Index]) _state.SetMemory(slot, _arena.Start + engine.Memory.Offsets[slot.Index]);
        foreach (var input in network.Inputs)
        {
            var memory = new AlignedMemory(input.Bytes(engine.MaxBatch));
            _inputs.Add(memory);
            _state.SetMemory(input, memory.Start);
        }
        engine.Resources.Bind(_state);
        _images = new ImageLanes(engine, _state);
        _observed = [.. _layers.Select(layer => layer.Layer.Outputs.Where(network.Observed.Contains).ToArray())];
        _observedInputs = [.. network.Observed.Where(slot => slot.Kind == SlotKind.Input)];
    }

    /// <summary>The engine.</summary>
    public Engine Engine => _engine;

    /// <summary>Threads that take part in a run, the caller's included.</summary>
    public int Threads => _state.Pool.Threads;

    /// <summary>Sees the values that <see cref="EngineOptions.Observed"/> names; null for none.</summary>
    public IValueObserver? Observer { get; set; }

    /// <summary>
    /// The memory of an input: row-major, for the largest batch. It belongs to the context, keeps its content between runs and is never used for anything else, so parameters
    /// may live in it and be updated in place.
    /// </summary>
    /// <exception cref="PithException">There is no such input, or its elements are of another type.</exception>
    public Span<T> Input<T>(string name) where T : unmanaged
    {
        var slot = Find<T>(name, _engine.Network.Inputs, "input");
        return new Span<T>(_state.Address(slot), checked((int)slot.Shape.Elements(_engine.MaxBatch)));
    }

    /// <summary>The elements of an output, row-major, at the batch of the last run. Valid until the next run.</summary>
    /// <exception cref="PithException">There is no such output, or its elements are of another type.</exception>
    public ReadOnlySpan<T> Output<T>(string name) where T : unmanaged
    {
        var slot = Find<T>(name, _engine.Network.Outputs, "output");
        return new ReadOnlySpan<T>(_state.Address(slot), checked((int)slot.Shape.Elements(_state.Batch)));
    }

    /// <summary>A copy of an output of the last run, whatever its type.</summary>
    /// <exception cref="PithException">There is no such output.</exception>
    public Tensor OutputTensor(string name)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return SlotTensors.Read(Find(name, _engine.Network.Outputs, "output"), _state);
    }

    /// <summary>Copies a row-major tensor into an input, at any batch up to the largest; run the same batch then.</summary>
    /// <exception cref="PithException">There is no such input, or the tensor does not fit.</exception>
    public void SetInput(string name, Tensor tensor)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(tensor);
        var slot = Find(name, _engine.Network.Inputs, "input");
        var fits = tensor.DataType == slot.DataType && (slot.Shape.BatchOf(tensor.Shape) ?? 0) is var batch && batch > 0 && batch <= _engine.MaxBatch;
        if (!fits) throw new PithException($"Input '{name}': expected {slot.DataType.ShortName()}{slot.Shape.At(_engine.MaxBatch)}{(slot.Shape.IsFixed ? "" : " or a smaller batch of it")}, got {tensor}.");
        tensor.Bytes.CopyTo(new Span<byte>(_state.Address(slot), tensor.Bytes.Length));
    }

    /// <summary>Runs the largest batch.</summary>
    public void Run() => Run(_engine.MaxBatch);

    /// <summary>Computes the outputs for the first <paramref name="batch"/> images of the inputs.</summary>
    /// <exception cref="PithException">The engine was not built for this batch.</exception>
    /// <exception cref="ObjectDisposedException">The context has been disposed.</exception>
    public void Run(int batch)
    {
        Begin(batch);
        if (Observer is { } observer)
        {
            RunObserved(observer);
            return;
        }
        _images.Run(batch);
        for (var i = _engine.Network.PerImage; i < _layers.Length; i++) _layers[i].Runnable.Run(_state);
    }

    /// <summary>
    /// Runs like <see cref="Run(int)"/> and measures each layer; the sum is a little more than an ordinary run takes. Of layers that run image by image the times of all images are added, and all
    /// threads work on one image at a time.
    /// </summary>
    /// <exception cref="PithException">The engine was not built for this batch.</exception>
    /// <exception cref="ObjectDisposedException">The context has been disposed.</exception>
    public IReadOnlyList<LayerTime> Profile(int batch)
    {
        Begin(batch);
        var seconds = new double[_layers.Length];
        _images.Profile(batch, seconds);
        for (var i = _engine.Network.PerImage; i < seconds.Length; i++)
        {
            var start = Stopwatch.GetTimestamp();
            _layers[i].Runnable.Run(_state);
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return [.. seconds.Select((time, i) => new LayerTime(_layers[i].Info.Name, time))];
    }

    /// <summary>Stops the context's threads and frees its memory. Must not be called during a run.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _state.Pool.Dispose();
        _state.Dispose();
        _images.Dispose();
        _arena.Dispose();
        foreach (var input in _inputs) input.Dispose();
        _engine.ContextDisposed();
    }

    private void Begin(int batch)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (batch < _engine.MinBatch || batch > _engine.MaxBatch || (_engine.Network.Shapes.IsFixed && batch != _engine.MaxBatch))
            throw new PithException($"Engine '{_engine.Name}' runs {(_engine.Network.Shapes.IsFixed ? $"batch {_engine.MaxBatch} only" : $"batches of {_engine.MinBatch} to {_engine.MaxBatch}")}, got {batch}. Build it for other batches.");
        _state.Batch = batch;
    }

    private void RunObserved(IValueObserver observer)
    {
        foreach (var slot in _observedInputs) observer.Observe(new ObservedValue(slot, _state));
        for (var i = 0; i < _layers.Length; i++)
        {
            _layers[i].Runnable.Run(_state);
            foreach (var slot in _observed[i]) observer.Observe(new ObservedValue(slot, _state));
        }
    }

    private long Largest(Func<Tactics.RunnableLayer, long> bytes) => _layers.Length == 0 ? 0 : _layers.Max(layer => bytes(layer.Runnable));

    private Slot Find<T>(string name, IReadOnlyList<Slot> slots, string role) where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var slot = Find(name, slots, role);
        return slot.DataType == DataTypes.Of<T>() ? slot : throw new PithException($"The {role} '{name}' of engine '{_engine.Name}' has elements of type {slot.DataType.ShortName()}, not {DataTypes.Of<T>().ShortName()}.");
    }

    private Slot Find(string name, IReadOnlyList<Slot> slots, string role)
    {
        for (var i = 0; i < slots.Count; i++)
            if (slots[i].Name == name) return slots[i];
        throw new PithException($"Engine '{_engine.Name}' has no {role} '{name}'; it has {string.Join(", ", slots.Select(slot => $"'{slot.Name}'"))}.");
    }
}
