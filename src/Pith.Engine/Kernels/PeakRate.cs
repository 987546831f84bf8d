using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.Intrinsics;
using Pith.Kernels.Jit;

namespace Pith.Kernels;

/// <summary>
/// The most multiply-accumulates per second that this machine does: measured on registers, without memory, which is what the rate of a layer is compared with.
/// </summary>
internal static unsafe class PeakRate
{
    private static readonly ConcurrentDictionary<(CpuFeatures, string, int), double> s_measured = new();
    private static readonly CodeArena s_code = new();
    private static readonly TimeSpan s_window = TimeSpan.FromMilliseconds(1);

    // The best of a few windows: other programs take from a rate, nothing adds to it.
    private const int Windows = 20;

    /// <summary>Measured at the first call for these arguments, which takes about 20 ms, and remembered.</summary>
    /// <param name="isa">What kernels may use.</param>
    /// <param name="precision">As <see cref="LayerInfo.Precision"/> has it: <c>int8</c>, <c>bfloat16</c> where the CPU has it, everything else is FP32.</param>
    /// <param name="threads">Threads that work at the same time.</param>
    public static double MacsPerSecond(CpuFeatures isa, string precision, int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        return s_measured.GetOrAdd((isa, precision, threads), _ => Measure(LoopFor(isa, precision), threads));
    }

    // The list that a kernel family with instructions of its own is added to: its loop, and the multiply-accumulates of one call.
    private static (Action Loop, double Macs) LoopFor(CpuFeatures isa, string precision) => precision switch
    {
        "int8" when isa.Include(CpuFeatures.AmxInt8) && AmxPermission.IsGranted => Emitted(new Int8ConvArithmetic(default), true),
        "int8" when isa.Include(CpuFeatures.Avx512Vnni) => Emitted(new Int8ConvArithmetic(default), false),
        "int8" when isa.Include(CpuFeatures.AvxVnni) => PeakLoop.Of<Vector256<int>, MultiplyAddAvxVnni>(),
        "int8" when isa.Include(CpuFeatures.Avx2) => PeakLoop.Of<Vector256<int>, MultiplyAddInt8Avx2>(),
        "int8" => PeakLoop.Of<Vector128<short>, MultiplyAddInt8Portable>(),
        "bfloat16" when isa.Include(CpuFeatures.AmxBf16) && AmxPermission.IsGranted => Emitted(new Bf16ConvArithmetic(default), true),
        "bfloat16" when isa.Include(CpuFeatures.Avx512Bf16) => Emitted(new Bf16ConvArithmetic(default), false),
        _ => isa.Fp32Lanes switch
        {
            16 => PeakLoop.Of<Vector512<float>, MultiplyAddFp32Vector512>(),
            8 => PeakLoop.Of<Vector256<float>, MultiplyAddFp32Vector256>(),
            _ => PeakLoop.Of<Vector128<float>, MultiplyAddFp32Vector128>(),
        },
    };

    private static (Action Loop, double Macs) Emitted(ConvArithmetic arithmetic, bool usesTiles)
    {
        var emitter = new PeakEmitter(arithmetic, usesTiles);
        var loop = (delegate* unmanaged<void*, void>)s_code.Get("peak", (arithmetic, usesTiles), emitter.Emit);
        var config = TileUnit.Config([.. Enumerable.Repeat(TileUnit.Rows, TileUnit.Count)]);
        return (() =>
        {
            fixed (byte* start = config) loop(start);
        }, emitter.Macs);
    }

    private static double Measure((Action Loop, double Macs) kernel, int threads)
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
                    kernel.Loop();
                    calls++;
                }
                while (Stopwatch.GetElapsedTime(begin) < s_window);
                rates[worker, window] = calls * kernel.Macs / Stopwatch.GetElapsedTime(begin).TotalSeconds;
            }
        }
    }
}
