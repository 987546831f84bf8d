using System.Diagnostics;
using Pith.Building;

namespace Pith.Tactics;

/// <summary>Measures one layer without the rest of its network.</summary>
internal static class LayerTimer
{
    private const int WarmUps = 2;
    private const int LeastRuns = 7;

    // Long enough for a stable median of layers of some microseconds, short enough for a network of hundreds.
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(4);

    /// <summary>The median time of a run at the largest batch.</summary>
    public static double Seconds(Tactic tactic, Layer layer, LoweredNetwork network, Device device)
    {
        using var run = new LayerRun(tactic, layer, network, device);
        for (var i = 0; i < WarmUps; i++) run.Run();
        var times = new List<double>();
        var begin = Stopwatch.GetTimestamp();
        while (times.Count < LeastRuns || Stopwatch.GetElapsedTime(begin) < s_longest)
        {
            var start = Stopwatch.GetTimestamp();
            run.Run();
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        times.Sort();
        return times[times.Count / 2];
    }
}
