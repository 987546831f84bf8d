using Pith.Kernels;
using Pith.Tactics;

namespace Pith.Compression.Training;

/// <summary>Turns <see cref="TrainingPrecision.Auto"/> into what this machine is best at.</summary>
internal static class MixedPrecision
{
    // Kernels move and round data besides: with less they would gain nothing.
    private const double LeastGain = 1.5;

    private static readonly Lazy<bool> s_pays = new(() => PeakRate.Ratio(new Cpu(Isa.Current, Threads: 1), "bfloat16", "float32") >= LeastGain);

    /// <summary>What a run trains in.</summary>
    /// <param name="asked">What the settings say.</param>
    /// <returns><see cref="TrainingPrecision.Fp32"/> or <see cref="TrainingPrecision.Bf16"/>.</returns>
    /// <exception cref="PithException">BF16 was asked for and the CPU does not have it.</exception>
    public static TrainingPrecision Resolve(TrainingPrecision asked) => asked switch
    {
        TrainingPrecision.Auto => s_pays.Value ? TrainingPrecision.Bf16 : TrainingPrecision.Fp32,
        TrainingPrecision.Bf16 when Isa.Current.Lack(CpuFeatures.Avx512 | CpuFeatures.Avx512Bf16) is { } missing => throw new PithException($"'precision' is bf16: {missing}"),
        _ => asked,
    };
}
