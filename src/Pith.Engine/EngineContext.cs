using System.Diagnostics;
using Pith.Building;
using Pith.Ops;
using Pith.Runtime;

namespace Pith;

/// <summary>
/// Memory and threads for running an <see cref="Engine"/>, one caller at a time. Write the inputs, run, read the outputs. A run allocates nothing and takes no locks,
/// except in layers that only the reference tactic can run. What is asked of a context while it runs, by another thread or by an observer, is refused with an <see cref="InvalidOperationException"/>.
/// </summary>
/// <remarks>
/// Dispose it to end its threads and free its memory at once; one that is forgotten is cleaned up by the garbage collector. Spans over inputs and outputs are managed memory: after <see cref="Dispose"/>
/// they keep what they last showed.
/// </remarks>
public sealed unsafe class EngineContext : IDisposable
{
    // What the context is doing; changed by interlocked operations only.
    private const int Idle = 0, Busy = 1, Disposed = 2;

    private readonly Engine _engine;
    private readonly RunState _state;
    private readonly ImageLanes _images;
    private readonly DeviceMemory _arena;
    private readonly BuiltLayer[] _layers;
    private readonly Slot[][] _observed;
    private readonly Slot[] _observedInputs;
    private IValueObserver? _observer;

    // Inputs and outputs; null when the context is disposed.
    private Dictionary<Slot, PinnedMemory>? _visible;
    private int _use;

    internal EngineContext(Engine engine, int threads, IReadOnlyList<int>? processors)
    {
        _layers = engine.Built;
        var network = engine.Network;
        var pool = new WorkerPool(threads, processors);
        try
        {
            _state = new RunState(engine.Resources.Device, network.Slots.Count, pool, Largest(layer => layer.ScratchBytes), Largest(layer => layer.SharedScratchBytes)) { Batch = engine.MaxBatch };
            _arena = engine.Resources.Device.Allocate(engine.Memory.Bytes);
            foreach (var slot in network.Slots)
                if (engine.Memory.Offsets[slot.Index] is var offset and >= 0 && !engine.Memory.PerImage[slot.Index]) _state.SetMemory(slot, _arena.Start + offset);
            _visible = network.Inputs.Concat(network.Outputs).Distinct().ToDictionary(slot => slot, slot => new PinnedMemory(slot.Bytes(engine.MaxBatch)));
            foreach (var (slot, memory) in _visible) _state.SetMemory(slot, memory.Start);
            engine.Resources.Bind(_state);
            _images = new ImageLanes(engine, _state);
        }
        catch
        {
            pool.Dispose();
            _state?.Dispose();
            _arena?.Dispose();
            throw;
        }
        // A layer may see what is observed under another shape.
        _observed = [.. _layers.Select(layer => layer.Layer.Outputs.Select(output => output.Owner).Where(network.Observed.Contains).ToArray())];
        _observedInputs = [.. network.Observed.Where(slot => slot.Kind == SlotKind.Input)];
        // Last: a context that could not be made is finalized all the same, and must not be counted twice.
        _engine = engine;
    }

    /// <summary>Lets the engine's memory go when the context was forgotten; the context's own goes by itself. There is no engine when the constructor has thrown.</summary>
    ~EngineContext() => _engine?.ContextDisposed();

    /// <summary>The engine.</summary>
    public Engine Engine => _engine;

    /// <summary>Threads that take part in a run, the caller's included.</summary>
    public int Threads => _state.Pool.Threads;

    /// <summary>Sees the values that <see cref="EngineOptions.Observed"/> names; null for none.</summary>
    /// <exception cref="PithException">The engine was built without such names: its values share memory and some are never whole.</exception>
    public IValueObserver? Observer
    {
        get => _observer;
        set
        {
            if (value is not null && _engine.Network.Observed.Count == 0)
                throw new PithException($"Engine '{_engine.Name}' was built without values to observe. Name them in {nameof(EngineOptions)}.{nameof(EngineOptions.Observed)} and build it again.");
            _observer = value;
        }
    }

    /// <summary>What the batch norms of a training graph share their statistics with when the runs of several contexts are parts of one batch; null when a run has the whole batch.</summary>
    /// <exception cref="PithException">A batch norm runs by the reference tactic, which computes statistics and result in one go.</exception>
    internal IStatisticsExchange? Statistics
    {
        set
        {
            var whole = value is null ? null : _layers.FirstOrDefault(layer => layer.Info.ReferenceReason is not null && UsesBatchStatistics(layer.Layer));
            if (whole is not null) throw new PithException($"The batch norm of layer '{whole.Layer.Name}' works on {whole.Layer.Inputs[0]!.TypeText}: statistics can be shared between processes for images [N, C, H, W] in float32 only. Train without 'sync_norm', or with 'freeze_norm_after' 0.");
            _state.Statistics = value;
        }
    }

    /// <summary>
    /// The memory of an input: row-major, for the largest batch. It belongs to the context, keeps its content between runs and is never used for anything else, so parameters
    /// may live in it and be updated in place. The span may outlive the context.
    /// </summary>
    /// <exception cref="PithException">There is no such input, or its elements are of another type.</exception>
    /// <exception cref="InvalidOperationException">The context is running.</exception>
    public Span<T> Input<T>(string name) where T : unmanaged
    {
        var slot = Find<T>(name, _engine.Network.Inputs, "input");
        return Visible(slot).Elements<T>(checked((int)slot.Shape.Elements(_engine.MaxBatch)));
    }

    /// <summary>The elements of an output, row-major, at the batch of the last run. The next run overwrites them; the span may outlive the context.</summary>
    /// <exception cref="PithException">There is no such output, or its elements are of another type.</exception>
    /// <exception cref="InvalidOperationException">The context is running.</exception>
    public ReadOnlySpan<T> Output<T>(string name) where T : unmanaged
    {
        var slot = Find<T>(name, _engine.Network.Outputs, "output");
        return Visible(slot).Elements<T>(checked((int)slot.Shape.Elements(_state.Batch)));
    }

    /// <summary>The memory of an input as bytes in the machine's order, whatever its type; otherwise as <see cref="Input{T}"/>.</summary>
    /// <exception cref="PithException">There is no such input.</exception>
    /// <exception cref="InvalidOperationException">The context is running.</exception>
    public Span<byte> InputBytes(string name)
    {
        RequireIdle();
        return AllBytes(Find(name, _engine.Network.Inputs, "input"), _engine.MaxBatch);
    }

    /// <summary>An output of the last run as bytes in the machine's order, whatever its type; otherwise as <see cref="Output{T}"/>.</summary>
    /// <exception cref="PithException">There is no such output.</exception>
    /// <exception cref="InvalidOperationException">The context is running.</exception>
    public ReadOnlySpan<byte> OutputBytes(string name)
    {
        RequireIdle();
        return AllBytes(Find(name, _engine.Network.Outputs, "output"), _state.Batch);
    }

    /// <summary>A copy of an output of the last run, whatever its type.</summary>
    /// <exception cref="PithException">There is no such output.</exception>
    /// <exception cref="InvalidOperationException">The context is running.</exception>
    public Tensor OutputTensor(string name)
    {
        RequireIdle();
        var slot = Find(name, _engine.Network.Outputs, "output");
        var memory = Visible(slot);
        var copy = SlotTensors.Read(slot, _state);
        GC.KeepAlive(memory);
        return copy;
    }

    /// <summary>The sizes of an output at the batch of the last run.</summary>
    /// <exception cref="PithException">There is no such output.</exception>
    internal Shape OutputShape(string name) => Find(name, _engine.Network.Outputs, "output").Shape.At(_state.Batch);

    /// <summary>Copies a row-major tensor into an input, at any batch up to the largest; run the same batch then.</summary>
    /// <exception cref="PithException">There is no such input, or the tensor does not fit.</exception>
    /// <exception cref="InvalidOperationException">The context is running.</exception>
    public void SetInput(string name, Tensor tensor)
    {
        RequireIdle();
        ArgumentNullException.ThrowIfNull(tensor);
        var slot = Find(name, _engine.Network.Inputs, "input");
        var fits = tensor.DataType == slot.DataType && (slot.Shape.BatchOf(tensor.Shape) ?? 0) is var batch && batch > 0 && batch <= _engine.MaxBatch;
        if (!fits) throw new PithException($"Input '{name}': expected {slot.DataType.ShortName()}{slot.Shape.At(_engine.MaxBatch)}{(slot.Shape.IsFixed ? "" : " or a smaller batch of it")}, got {tensor}.");
        tensor.Bytes.CopyTo(Visible(slot).Elements<byte>(tensor.Bytes.Length));
    }

    /// <summary>Runs the largest batch.</summary>
    public void Run() => Run(_engine.MaxBatch);

    /// <summary>Computes the outputs for the first <paramref name="batch"/> images of the inputs.</summary>
    /// <exception cref="PithException">The engine was not built for this batch.</exception>
    /// <exception cref="ObjectDisposedException">The context has been disposed.</exception>
    /// <exception cref="InvalidOperationException">The context is running already: on another thread, or this is one of its observers.</exception>
    public void Run(int batch)
    {
        Begin(batch);
        try
        {
            if (_observer is { } observer) RunObserved(observer);
            else
            {
                _images.Run(batch);
                for (var i = _engine.Network.PerImage; i < _layers.Length; i++) _layers[i].Runnable.Run(_state);
            }
        }
        finally
        {
            End();
        }
    }

    /// <summary>
    /// Runs like <see cref="Run(int)"/> and measures each layer; the sum is a little more than an ordinary run takes. Of layers that run image by image the times of all images are added, and all
    /// threads work on one image at a time.
    /// </summary>
    /// <exception cref="PithException">The engine was not built for this batch.</exception>
    /// <exception cref="ObjectDisposedException">The context has been disposed.</exception>
    /// <exception cref="InvalidOperationException">The context is running already.</exception>
    public IReadOnlyList<LayerTime> Profile(int batch)
    {
        var seconds = new double[_layers.Length];
        Begin(batch);
        try
        {
            _images.Profile(batch, seconds);
            for (var i = _engine.Network.PerImage; i < seconds.Length; i++)
            {
                var start = Stopwatch.GetTimestamp();
                _layers[i].Runnable.Run(_state);
                seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }
        finally
        {
            End();
        }
        return [.. seconds.Select((time, i) => new LayerTime(_layers[i].Info.Name, time))];
    }

    /// <summary>Ends the context's threads and frees its memory.</summary>
    /// <exception cref="InvalidOperationException">The context is running; it goes on, and is not disposed.</exception>
    public void Dispose()
    {
        if (Interlocked.CompareExchange(ref _use, Disposed, Idle) is var use && use == Disposed) return;
        if (use == Busy) throw Running();
        _state.Pool.Dispose();
        _state.Dispose();
        _images.Dispose();
        _arena.Dispose();
        _visible = null;
        _engine.ContextDisposed();
        GC.SuppressFinalize(this);
    }

    private void Begin(int batch)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _use) == Disposed, this);
        if (batch < _engine.MinBatch || batch > _engine.MaxBatch || (_engine.Network.Shapes.IsFixed && batch != _engine.MaxBatch))
            throw new PithException($"Engine '{_engine.Name}' runs {(_engine.Network.Shapes.IsFixed ? $"batch {_engine.MaxBatch} only" : $"batches of {_engine.MinBatch} to {_engine.MaxBatch}")}, got {batch}. Build it for other batches.");
        var use = Interlocked.CompareExchange(ref _use, Busy, Idle);
        ObjectDisposedException.ThrowIf(use == Disposed, this);
        if (use == Busy) throw Running();
        _state.Batch = batch;
    }

    // Kernels know addresses only: what they point to must be reachable until here.
    private void End()
    {
        Volatile.Write(ref _use, Idle);
        GC.KeepAlive(this);
    }

    private Span<byte> AllBytes(Slot slot, int batch) => Visible(slot).Elements<byte>(checked((int)(slot.Shape.Elements(batch) * slot.DataType.SizeInBytes())));

    private PinnedMemory Visible(Slot slot) => _visible is { } visible ? visible[slot] : throw new ObjectDisposedException(nameof(EngineContext));

    private void RequireIdle()
    {
        var use = Volatile.Read(ref _use);
        ObjectDisposedException.ThrowIf(use == Disposed, this);
        if (use == Busy) throw Running();
    }

    private InvalidOperationException Running() =>
        new($"A context of engine '{_engine.Name}' was used while it was running. A context has one caller at a time: give each thread a context of its own, and let observers copy what they need.");

    private void RunObserved(IValueObserver observer)
    {
        foreach (var slot in _observedInputs) observer.Observe(new ObservedValue(slot, _state));
        for (var i = 0; i < _layers.Length; i++)
        {
            _layers[i].Runnable.Run(_state);
            foreach (var slot in _observed[i]) observer.Observe(new ObservedValue(slot, _state));
        }
    }

    private static bool UsesBatchStatistics(Layer layer) => layer switch { OpLayer plain => UsesBatchStatistics(plain.Op), TrainingLayer fused => UsesBatchStatistics(fused.Op), _ => false };

    private static bool UsesBatchStatistics(Op op) => op is BatchNormTraining or BatchNormGradient { FrozenStatistics: false };

    private long Largest(Func<Tactics.RunnableLayer, long> bytes) => _layers.Length == 0 ? 0 : _layers.Max(layer => bytes(layer.Runnable));

    private Slot Find<T>(string name, IReadOnlyList<Slot> slots, string role) where T : unmanaged
    {
        RequireIdle();
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
