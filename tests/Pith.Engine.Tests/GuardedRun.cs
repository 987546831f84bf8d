using Pith.Building;
using Pith.Kernels.Tests;
using Pith.Runtime;

namespace Pith.EngineTests;

/// <summary>Runs an engine with every slot in a buffer of its own between a canary and a page that may not be accessed: a read or write outside a slot and its slack fails at once.</summary>
internal sealed unsafe class GuardedRun : IDisposable
{
    // What the engine promises to kernels after each slot, to read but not to write.
    private const int SlackBytes = 64;
    private const byte SlackByte = 0x5A;

    private readonly Engine _engine;
    private readonly RunState _state;
    private readonly WorkerPool _pool;
    private readonly List<(Slot Slot, GuardedBuffer Buffer, nint Start, long Bytes)> _buffers = [];

    public GuardedRun(Engine engine, int threads = 2)
    {
        _engine = engine;
        _pool = new WorkerPool(threads);
        _state = new RunState(engine.Resources.Device, engine.Network.Slots.Count, _pool, engine.Built.Max(layer => layer.Runnable.ScratchBytes), engine.Built.Max(layer => layer.Runnable.SharedScratchBytes)) { Batch = engine.MaxBatch };
        foreach (var slot in engine.Network.Slots.Where(slot => slot.Kind != SlotKind.Constant))
        {
            var bytes = slot.Bytes(engine.MaxBatch);
            var buffer = new GuardedBuffer((bytes + SlackBytes + 3) / 4);
            var start = (byte*)(buffer.Pointer + buffer.Length) - bytes - SlackBytes;
            new Span<byte>(start, (int)bytes).Fill(0xA5);
            new Span<byte>(start + bytes, SlackBytes).Fill(SlackByte);
            _buffers.Add((slot, buffer, (nint)start, bytes));
        }
        engine.Resources.Bind(_state);
        Place(0);
    }

    private void Place(int image)
    {
        foreach (var (slot, _, start, _) in _buffers) _state.SetMemory(slot, (byte*)start + (image == 0 ? 0 : image * slot.Bytes(1)));
    }

    /// <summary>Runs all layers and returns the first output.</summary>
    public float[] Run(params ReadOnlySpan<Tensor> inputs) => RunAll(inputs)[0].As<float>().Data;

    /// <summary>Runs all layers and returns the outputs.</summary>
    public Tensor[] RunAll(params ReadOnlySpan<Tensor> inputs)
    {
        for (var i = 0; i < inputs.Length; i++) inputs[i].Bytes.CopyTo(new Span<byte>(_state.Address(_engine.Network.Inputs[i]), inputs[i].Bytes.Length));
        // Layers that run image by image see one image at a time, wherever it lies.
        _state.Batch = 1;
        for (var image = 0; image < _engine.MaxBatch; image++)
        {
            Place(image);
            foreach (var layer in _engine.Built[.._engine.Network.PerImage]) layer.Runnable.Run(_state);
        }
        Place(0);
        _state.Batch = _engine.MaxBatch;
        foreach (var layer in _engine.Built[_engine.Network.PerImage..]) layer.Runnable.Run(_state);
        foreach (var (slot, buffer, start, bytes) in _buffers)
        {
            buffer.Check();
            Assert.False(new Span<byte>((byte*)start + bytes, SlackBytes).ContainsAnyExcept(SlackByte), $"{slot} was written beyond its end.");
        }
        return [.. _engine.Network.Outputs.Select(output => SlotTensors.Read(output, _state))];
    }

    public void Dispose()
    {
        _state.Dispose();
        _pool.Dispose();
        foreach (var (_, buffer, _, _) in _buffers) buffer.Dispose();
    }
}
