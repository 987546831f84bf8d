using Pith.Kernels;
using Pith.Tactics;

namespace Pith.Compression.Training;

/// <summary>Turns <see cref="TrainingPrecision.Auto"/> into what this machine is best at.</summary>
internal static class MixedPrecision
{
    // Kernels move and round data besides: with less they would gain nothing.
    private const double LeastGain = 1.5;

    private static readonly CpuFeatures s_needs = CpuFeatures.Avx512 | CpuFeatures.Avx512Bf16;

    private static readonly Lazy<bool> s_pays = new(() => PeakRate.Ratio(new Cpu(Isa.Current, Threads: 1), "bfloat16", "float32") >= LeastGain);

    /// <summary>The name in JSON.</summary>
    public static string NameOf(TrainingPrecision precision) => precision.ToString().ToLowerInvariant();

    /// <summary>What a run trains in.</summary>
    /// <param name="asked">What the settings say.</param>
    /// <returns><see cref="TrainingPrecision.Fp32"/> or <see cref="TrainingPrecision.Bf16"/>.</returns>
    /// <exception cref="PithException">BF16 was asked for and the CPU does not have it.</exception>
    public static TrainingPrecision Resolve(TrainingPrecision asked) => Resolve(asked, Isa.Current, () => s_pays.Value);

    /// <summary>The same for any CPU.</summary>
    /// <param name="asked">What the settings say.</param>
    /// <param name="features">What the CPU has.</param>
    /// <param name="pays">Whether its products of bfloat16 are fast enough.</param>
    public static TrainingPrecision Resolve(TrainingPrecision asked, CpuFeatures features, Func<bool> pays) => asked switch
    {
        TrainingPrecision.Auto => features.Include(s_needs) && pays() ? TrainingPrecision.Bf16 : TrainingPrecision.Fp32,
        TrainingPrecision.Bf16 when features.Lack(s_needs) is { } missing => throw new PithException($"'precision' is bf16, which {missing}; this machine offers {features}. Take fp32, or auto, which is bf16 where the CPU is faster with it."),
        _ => asked,
    };
}
