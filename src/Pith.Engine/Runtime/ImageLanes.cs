using System.Diagnostics;
using Pith.Building;

namespace Pith.Runtime;

/// <summary>
/// Runs the layers at the start of a network image by image (see <see cref="ImagePrefix"/>). Each thread has a lane: memory for the activations of one image, and a state in which the network's
/// inputs and what later layers read point to the image that the lane is at. Images that are left over when they do not divide by the threads run one after the other on all threads.
/// </summary>
internal sealed unsafe class ImageLanes : IParallelBody, IDisposable
{
    private readonly BuiltLayer[] _layers;
    private readonly RunState _team;
    private readonly RunState[] _lanes;
    private readonly DeviceMemory _arenas;
    private readonly FirstFailure _failure = new();

    // What is read from or written for the rest of the network, with the bytes of an image.
    private readonly (Slot Slot, nint Start, long ImageBytes)[] _shared;
    private int _next;
    private int _end;

    /// <param name="engine">The engine.</param>
    /// <param name="team">The context's state, with the memory of whole batches; gets that of images.</param>
    public ImageLanes(Engine engine, RunState team)
    {
        var (network, memory) = (engine.Network, engine.Memory);
        _layers = engine.Built[..network.PerImage];
        _team = team;
        var imageBytes = (memory.ImageBytes + AlignedMemory.Alignment - 1) & -AlignedMemory.Alignment;
        _arenas = engine.Resources.Device.Allocate(imageBytes * team.Pool.Threads);
        var singles = network.Slots.Where(slot => memory.PerImage[slot.Index]).ToArray();
        var shared = _layers.SelectMany(layer => layer.Layer.Inputs.Concat(layer.Layer.Outputs)).OfType<Slot>().Select(slot => slot.Owner).Distinct().Where(slot => slot.Kind != SlotKind.Constant && !memory.PerImage[slot.Index]);
        _shared = [.. shared.Select(slot => (slot, (nint)(team.Address(slot) - slot.OriginBytes), slot.Bytes(1)))];
        foreach (var slot in singles) team.SetMemory(slot, _arenas.Start + memory.Offsets[slot.Index]);
        // One thread alone is the team.
        _lanes = _layers.Length == 0 || team.Pool.Threads == 1 ? [] : [.. Enumerable.Range(0, team.Pool.Threads).Select(Lane)];

        RunState Lane(int index)
        {
            var lane = new RunState(engine.Resources.Device, network.Slots.Count, new WorkerPool(1), _layers.Max(layer => layer.Runnable.ScratchBytes), _layers.Max(layer => layer.Runnable.SharedScratchBytes)) { Batch = 1 };
            foreach (var slot in singles) lane.SetMemory(slot, _arenas.Start + index * imageBytes + memory.Offsets[slot.Index]);
            engine.Resources.Bind(lane);
            return lane;
        }
    }

    /// <summary>Runs the first layers for all images of a batch.</summary>
    public void Run(int batch)
    {
        if (_layers.Length == 0) return;
        _next = 0;
        _end = _lanes.Length == 0 ? 0 : batch - batch % _lanes.Length;
        if (_end > 0) _team.RunParallel(this, _lanes.Length);
        _failure.ThrowIfAny();
        try
        {
            _team.Batch = 1;
            for (var image = _end; image < batch; image++)
            {
                MoveTo(_team, image);
                foreach (var layer in _layers) layer.Runnable.Run(_team);
            }
        }
        finally
        {
            BackToWhole(batch);
        }
    }

    /// <summary>Runs all images on all threads, one after the other, and adds up each layer's time.</summary>
    public void Profile(int batch, Span<double> seconds)
    {
        try
        {
            _team.Batch = 1;
            for (var image = 0; image < batch && _layers.Length > 0; image++)
            {
                MoveTo(_team, image);
                for (var i = 0; i < _layers.Length; i++)
                {
                    var start = Stopwatch.GetTimestamp();
                    _layers[i].Runnable.Run(_team);
                    seconds[i] += Stopwatch.GetElapsedTime(start).TotalSeconds;
                }
            }
        }
        finally
        {
            BackToWhole(batch);
        }
    }

    /// <summary>Runs a lane: it takes images until there are none left, or one fails. Images are taken in order, so the first that fails on one thread is among those that fail here.</summary>
    public void RunPart(RunState state, int part, int worker)
    {
        var lane = _lanes[part];
        for (int image; (image = Interlocked.Increment(ref _next) - 1) < _end;)
        {
            try
            {
                MoveTo(lane, image);
                foreach (var layer in _layers) layer.Runnable.Run(lane);
            }
            catch (Exception failure)
            {
                _failure.Add(image, failure);
                return;
            }
        }
    }

    public void Dispose()
    {
        foreach (var lane in _lanes)
        {
            lane.Pool.Dispose();
            lane.Dispose();
        }
        _arenas.Dispose();
    }

    // Also after a failure: callers write to where the first image is.
    private void BackToWhole(int batch)
    {
        MoveTo(_team, 0);
        _team.Batch = batch;
    }

    private void MoveTo(RunState state, int image)
    {
        foreach (var (slot, start, imageBytes) in _shared) state.SetMemory(slot, (byte*)start + image * imageBytes);
    }
}
