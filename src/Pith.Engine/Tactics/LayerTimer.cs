using System.Diagnostics;
using Pith.Building;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Measures tactics on one layer, in turn and with cold caches.</summary>
/// <param name="network">The network that the layers belong to.</param>
/// <param name="device">The machine.</param>
/// <param name="code">Keeps the kernels, so that the chosen one need not be emitted again.</param>
internal sealed class LayerTimer(LoweredNetwork network, Device device, CodeArena code) : IDisposable
{
    private const int LeastRounds = 5, MostRounds = 25;

    // Long enough for a stable median of layers of some microseconds, short enough for a network of hundreds.
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(12);

    private readonly WorkerPool _pool = new(device.Threads);

    /// <summary>The median time of a run of each tactic at a batch.</summary>
    /// <param name="tactics">Tactics that accept the layer.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="maxBatch">The largest batch that it is built for.</param>
    /// <param name="batch">The batch that it runs.</param>
    public double[] Seconds(IReadOnlyList<Tactic> tactics, Layer layer, int maxBatch, int batch)
    {
        var runs = new List<LayerRun>();
        try
        {
            foreach (var tactic in tactics) runs.Add(new LayerRun(tactic, layer, network, maxBatch, batch, device, _pool, code));
            foreach (var run in runs) run.Run();
            var times = runs.Select(_ => new List<double>()).ToArray();
            var begin = Stopwatch.GetTimestamp();
            for (var round = 0; round < LeastRounds || (round < MostRounds && Stopwatch.GetElapsedTime(begin) < s_longest); round++)
                for (var i = 0; i < runs.Count; i++) times[i].Add(TimeCold(runs[i]));
            return [.. times.Select(Median)];
        }
        finally
        {
            foreach (var run in runs) run.Dispose();
        }
    }

    public void Dispose() => _pool.Dispose();

    private static double TimeCold(LayerRun run)
    {
        run.EmptyCaches();
        var start = Stopwatch.GetTimestamp();
        run.Run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Median(List<double> times)
    {
        times.Sort();
        return times[times.Count / 2];
    }
}
