using System.Diagnostics;
using Pith.Building;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>
/// Measures tactics on one layer, in turn, on memory of their own. Before each run the caches are emptied and the input is read, as if the layer before had just written it: weights then come
/// from where they come from in a network.
/// </summary>
/// <param name="network">The network that the layers belong to.</param>
/// <param name="device">The machine.</param>
/// <param name="code">Keeps the kernels, so that the chosen one need not be emitted again.</param>
internal sealed unsafe class LayerTimer(LoweredNetwork network, Device device, CodeArena code) : IDisposable
{
    private const int WarmUps = 1;
    private const int LeastRounds = 5, MostRounds = 25;

    // More than any core's own cache.
    private const int EvictedBytes = 4 << 20;

    // Long enough for a stable median of layers of some microseconds, short enough for a network of hundreds.
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(12);

    private readonly WorkerPool _pool = new(device.Threads);
    private readonly AlignedMemory _eviction = new((long)EvictedBytes * device.Threads);

    /// <summary>The median time of a run of each tactic at the largest batch.</summary>
    public double[] Seconds(IReadOnlyList<Tactic> tactics, Layer layer)
    {
        using var resources = new BuildResources(device, network.Shapes.MaxBatch, code);
        var runnables = tactics.Select(tactic => tactic.Build(layer, resources)).ToArray();
        using var state = new RunState(network.Slots.Count, _pool, runnables.Max(runnable => runnable.ScratchBytes), runnables.Max(runnable => runnable.SharedScratchBytes)) { Batch = network.Shapes.MaxBatch };
        var memory = layer.Inputs.Concat(layer.Outputs).OfType<Slot>().Where(slot => slot.Constant is null).Distinct()
            .Select(slot => (Slot: slot, Memory: new AlignedMemory(slot.Bytes(network.Shapes.MaxBatch)))).ToArray();
        try
        {
            foreach (var (slot, bytes) in memory) state.SetMemory(slot, bytes.Start);
            resources.Bind(state);
            return Medians(runnables, state, new Eviction(_eviction.Start, [.. memory.Select(entry => ((nint)entry.Memory.Start, entry.Memory.Bytes))]));
        }
        finally
        {
            foreach (var (_, bytes) in memory) bytes.Dispose();
        }
    }

    public void Dispose()
    {
        _pool.Dispose();
        _eviction.Dispose();
    }

    private static double[] Medians(RunnableLayer[] runnables, RunState state, Eviction eviction)
    {
        foreach (var runnable in runnables)
            for (var i = 0; i < WarmUps; i++) runnable.Run(state);
        var times = runnables.Select(_ => new List<double>()).ToArray();
        var begin = Stopwatch.GetTimestamp();
        for (var round = 0; round < LeastRounds || (round < MostRounds && Stopwatch.GetElapsedTime(begin) < s_longest); round++)
            for (var i = 0; i < runnables.Length; i++)
            {
                state.RunParallel(eviction, state.Pool.Threads);
                var start = Stopwatch.GetTimestamp();
                runnables[i].Run(state);
                times[i].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        return [.. times.Select(Median)];
    }

    private static double Median(List<double> times)
    {
        times.Sort();
        return times[times.Count / 2];
    }

    /// <summary>Each thread reads memory that nobody else needs, then its share of the layer's activations.</summary>
    private sealed class Eviction(byte* other, (nint Start, long Bytes)[] activations) : IParallelBody
    {
        private const int LineBytes = 64;
        private int _sink;

        public void RunPart(RunState state, int part, int worker)
        {
            var sum = Read(other + (long)worker * EvictedBytes, EvictedBytes);
            foreach (var (start, bytes) in activations)
            {
                var (first, end) = (bytes * part / state.Pool.Threads, bytes * (part + 1) / state.Pool.Threads);
                sum += Read((byte*)start + first, end - first);
            }
            // Somebody must seem to need the sum.
            Volatile.Write(ref _sink, sum);
        }

        private static int Read(byte* start, long bytes)
        {
            var sum = 0;
            for (long i = 0; i < bytes; i += LineBytes) sum += start[i];
            return sum;
        }
    }
}
