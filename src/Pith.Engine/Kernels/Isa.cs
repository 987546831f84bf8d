using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels;

/// <summary>What this CPU offers and what the process may use of it.</summary>
/// <remarks>
/// Features come from CPUID bits and the like, never from a model name. <c>PITH_MAX_ISA</c>, the name of an <see cref="IsaLevel"/>, takes away what is not in that set, which reproduces on one machine what a
/// weaker one would run.
/// </remarks>
public static class Isa
{
    /// <summary>Name of the environment variable that caps <see cref="Current"/>.</summary>
    public const string CapVariable = "PITH_MAX_ISA";

    // Lazy, so that a wrong name surfaces as itself and not as a TypeInitializationException.
    private static readonly Lazy<CpuFeatures> s_capped = new(Cap);

    /// <summary>Whether the CPU has AMX, whether or not the operating system lets the process use it.</summary>
    internal static bool HasAmx { get; private set; }

    /// <summary>What this CPU has and the operating system offers, whatever the cap. The use of AMX is asked for when a layer may come to use it, and may then be refused.</summary>
    public static CpuFeatures Detected { get; } = Detect();

    /// <summary>What kernels use: <see cref="Detected"/>, without what the cap leaves out when one is set.</summary>
    /// <exception cref="PithException">The first use, when the cap variable holds none of the known names.</exception>
    public static CpuFeatures Current => s_capped.Value;

    private static CpuFeatures Detect()
    {
        var features = Of(AdvSimd.IsSupported, CpuFeatures.Neon) | Of(Dp.IsSupported, CpuFeatures.DotProd);
        if (!Avx2.IsSupported || !Fma.IsSupported) return features;
        features |= CpuFeatures.Avx2 | Of(AvxVnni.IsSupported, CpuFeatures.AvxVnni);
        if (!Avx512BW.IsSupported || !Avx512DQ.IsSupported || !Avx512BW.VL.IsSupported) return features;
        // CPUID leaf 7, subleaf 0: AVX512-VNNI is ecx bit 11; AMX-TILE and AMX-INT8 are edx bits 24 and 25, AMX-BF16 is bit 22. AVX512-BF16 is eax bit 5 of subleaf 1, which is there when subleaf 0 says so in eax.
        var (subleaves, _, ecx, edx) = X86Base.CpuId(7, 0);
        const int amxTileAndInt8 = 3 << 24;
        HasAmx = (edx & amxTileAndInt8) == amxTileAndInt8;
        var offersAmx = HasAmx && AmxPermission.IsOffered;
        return features | CpuFeatures.Avx512
            | Of((ecx & 1 << 11) != 0, CpuFeatures.Avx512Vnni)
            | Of(Avx512Vbmi.IsSupported, CpuFeatures.Avx512Vbmi)
            | Of(subleaves >= 1 && (X86Base.CpuId(7, 1).Eax & 1 << 5) != 0, CpuFeatures.Avx512Bf16)
            | Of(offersAmx, CpuFeatures.AmxInt8)
            | Of(offersAmx && (edx & 1 << 22) != 0, CpuFeatures.AmxBf16);
    }

    private static CpuFeatures Of(bool isThere, CpuFeatures features) => isThere ? features : CpuFeatures.None;

    private static CpuFeatures Cap() => Environment.GetEnvironmentVariable(CapVariable) is { Length: > 0 } cap ? Detected & IsaLevel.Parse(cap) : Detected;
}
