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
        var loops = device.Tactics.Select(tactic => tactic.PeakLoop(device)).OfType<PeakLoop>().Distinct().ToLookup(loop => loop.Precision);
        return loops[loops.Contains(precision) ? precision : "float32"].Max(loop => s_measured.GetOrAdd((loop, threads), _ => Measure(loop, threads)));
    }

    private static double Measure(PeakLoop loop, int threads)
    {
        var rates = new double[threads, Windows];
        using var start = new Barrier(threads);
        var workers = Enumerable.Range(1, threads - 1).Select(worker => new Thread(() => Work(worker)) { IsBackground = true, Name = $"Pith peak {worker}" }).ToArray();
        foreach (var worker in workers) worker.Start();
        Work(0);
        foreach (var worker in workers) worker.Join();
        return Enumerable.Range(0, Windows).Max(window => Enumerable.Range(0, threads).Sum(worker => rates[worker, window]));

        void Work(int worker)
        {
            for (var window = 0; window < Windows; window++)
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
                rates[worker, window] = calls * loop.Macs / Stopwatch.GetElapsedTime(begin).TotalSeconds;
            }
        }
    }
}
