using System.Diagnostics;
using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Measures one layer on memory of its own.</summary>
internal static unsafe class LayerTimer
{
    private const int WarmUps = 2;
    private const int LeastRuns = 7;

    // Long enough for a stable median of layers of some microseconds, short enough for a network of hundreds.
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(4);

    /// <summary>The median time of a run at the largest batch.</summary>
    public static double Seconds(Tactic tactic, Layer layer, LoweredNetwork network, Device device)
    {
        using var resources = new BuildResources(device, network.Shapes.MaxBatch);
        var runnable = tactic.Build(layer, resources);
        using var pool = new WorkerPool(device.Threads);
        using var state = new RunState(network.Slots.Count, pool, runnable.ScratchBytes, runnable.SharedScratchBytes) { Batch = network.Shapes.MaxBatch };
        var memory = layer.Inputs.Concat(layer.Outputs).OfType<Slot>().Where(slot => slot.Constant is null).Distinct()
            .Select(slot => (Slot: slot, Memory: new AlignedMemory(slot.Bytes(network.Shapes.MaxBatch)))).ToArray();
        try
        {
            foreach (var (slot, bytes) in memory) state.SetMemory(slot, bytes.Start);
            resources.Bind(state);
            return Median(runnable, state);
        }
        finally
        {
            foreach (var (_, bytes) in memory) bytes.Dispose();
        }
    }

    private static double Median(RunnableLayer runnable, RunState state)
    {
        for (var i = 0; i < WarmUps; i++) runnable.Run(state);
        var times = new List<double>();
        var begin = Stopwatch.GetTimestamp();
        while (times.Count < LeastRuns || Stopwatch.GetElapsedTime(begin) < s_longest)
        {
            var start = Stopwatch.GetTimestamp();
            runnable.Run(state);
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        times.Sort();
        return times[times.Count / 2];
    }
}
