using System.Collections.Concurrent;
using System.Diagnostics;
using Pith.Tactics;

namespace Pith.Kernels;

/// <summary>
/// The most multiply-accumulates per second that this machine does: measured on registers, without memory, which is what the rate of a layer is compared with.
/// </summary>
internal static class PeakRate
{
    private static readonly ConcurrentDictionary<(PeakLoop, int), double> s_measured = new();
    private static readonly TimeSpan s_window = TimeSpan.FromMilliseconds(1);

    // The best of a few windows: other programs take from a rate, nothing adds to it.
    private const int Windows = 20;

    /// <summary>The fastest of the loops that the device's tactics state for a precision. Each is measured at the first call for this number of threads, which takes about 20 ms, and remembered.</summary>
    /// <param name="device">The machine.</param>
    /// <param name="precision">As <see cref="LayerInfo.Precision"/> has it; what no tactic states a loop for counts as FP32.</param>
    /// <param name="threads">Threads that work at the same time.</param>
    public static double MacsPerSecond(Device device, string precision, int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        var loops = Loops(device);
        return loops[loops.Contains(precision) ? precision : "float32"].Max(loop => s_measured.GetOrAdd((loop, threads), _ => Measure([loop], threads)[0]));
    }

    /// <summary>How many times as fast as another precision one is on one thread; 0 where no tactic states a loop for it. The loops are measured in turn, so that a machine that is busy for a while slows both down. Takes about 40 ms.</summary>
    /// <param name="device">The machine.</param>
    /// <param name="precision">As <see cref="LayerInfo.Precision"/> has it.</param>
    /// <param name="other">What it is compared with, which every machine has.</param>
    public static double Ratio(Device device, string precision, string other)
    {
        var loops = Loops(device);
        PeakLoop[] timed = [.. loops[precision], .. loops[other]];
        var rates = Measure(timed, 1);
        return loops.Contains(precision) ? Fastest(precision) / Fastest(other) : 0;

        double Fastest(string name) => timed.Zip(rates).Where(loop => loop.First.Precision == name).Max(loop => loop.Second);
    }

    private static ILookup<string, PeakLoop> Loops(Device device) => device.Tactics.Select(tactic => tactic.PeakLoop(device)).OfType<PeakLoop>().Distinct().ToLookup(loop => loop.Precision);

    // The best rate of each loop, all threads together.
    private static double[] Measure(PeakLoop[] loops, int threads)
    {
        var rates = new double[threads, Windows, loops.Length];
        using var start = new Barrier(threads);
        var workers = Enumerable.Range(1, threads - 1).Select(worker => new Thread(() => Work(worker)) { IsBackground = true, Name = $"Pith peak {worker}" }).ToArray();
        foreach (var worker in workers) worker.Start();
        Work(0);
        foreach (var worker in workers) worker.Join();
        return [.. loops.Select((_, loop) => Enumerable.Range(0, Windows).Max(window => Enumerable.Range(0, threads).Sum(worker => rates[worker, window, loop])))];

        void Work(int worker)
        {
            for (var window = 0; window < Windows; window++)
                for (var i = 0; i < loops.Length; i++) rates[worker, window, i] = Rate(loops[i]);
        }

        double Rate(PeakLoop loop)
        {
            start.SignalAndWait();
            var begin = Stopwatch.GetTimestamp();
            var calls = 0;
            do
            {
                loop.Run();
                calls++;
            }
            while (Stopwatch.GetElapsedTime(begin) < s_window);
            return calls * loop.Macs / Stopwatch.GetElapsedTime(begin).TotalSeconds;
        }
    }
}
