using Pith.Kernels;
using Pith.Tactics;

namespace Pith.TestKit;

/// <summary>Devices that tests can run here: what the CPU has, and AMX also where AVX-512 can emulate its tiles.</summary>
internal static class TestDevice
{
    private static readonly IReadOnlyList<Tactic> s_emulated = TacticCatalog.Of(asm => new EmulatedTiles(asm));

    /// <summary>What each named set leaves of the features that are here, weakest first.</summary>
    public static IReadOnlyList<CpuFeatures> Levels { get; } = [.. IsaLevel.All.Select(level => level.Features & Available).Distinct()];

    private static CpuFeatures Available => Isa.Detected
        | (Isa.Detected.Include(CpuFeatures.Avx512Vnni) ? CpuFeatures.AmxInt8 : CpuFeatures.None)
        | (Isa.Detected.Include(CpuFeatures.Avx512Bf16) ? CpuFeatures.AmxBf16 : CpuFeatures.None);

    public static bool Has(CpuFeatures features) => Available.Include(features);

    /// <summary>A device with what is here of some features.</summary>
    public static Device At(CpuFeatures features, int threads = 2)
    {
        var device = new Cpu(features & Available, threads);
        return Isa.Detected.Include(device.Features) ? device : device with { Tactics = s_emulated };
    }
}
