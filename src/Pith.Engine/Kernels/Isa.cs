using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels;

/// <summary>Instruction-set levels that kernels are written for, weakest first. A level includes all weaker ones.</summary>
public enum IsaLevel
{
    /// <summary>Vectors of 128 bits that every 64-bit CPU has (SSE2, NEON).</summary>
    Portable,

    /// <summary>x86 with AVX2 and FMA: vectors of 256 bits.</summary>
    Avx2,

    /// <summary>AVX2 and the 256-bit int8 dot product of AVX-VNNI.</summary>
    AvxVnni,

    /// <summary>AVX-512 (F, BW, DQ, VL) and the 512-bit int8 dot product of AVX512-VNNI.</summary>
    Avx512Vnni,

    /// <summary>AVX512-VNNI and int8 tile products of AMX.</summary>
    Amx,
}

/// <summary>What this CPU offers and what the process may use of it.</summary>
/// <remarks>
/// Levels come from CPUID feature bits, never from a model name. <c>PITH_MAX_ISA</c> (<c>portable</c>, <c>avx2</c>, <c>avxvnni</c>,
/// <c>avx512vnni</c>, <c>amx</c>) lowers the limit, which reproduces on one machine what a weaker one would run.
/// </remarks>
public static class Isa
{
    /// <summary>Name of the environment variable that caps <see cref="Current"/>.</summary>
    public const string CapVariable = "PITH_MAX_ISA";

    /// <summary>Whether the CPU has AMX, whether or not the operating system lets the process use it.</summary>
    internal static bool HasAmx { get; private set; }

    /// <summary>Whether the CPU multiplies bfloat16 in AVX-512 registers; no level includes it. Kernels use it from <see cref="IsaLevel.Avx512Vnni"/> on.</summary>
    internal static bool HasAvx512Bf16 { get; private set; }

    /// <summary>Whether the CPU multiplies bfloat16 in AMX tiles. Kernels use it at <see cref="IsaLevel.Amx"/>.</summary>
    internal static bool HasAmxBf16 { get; private set; }

    /// <summary>The strongest level that this CPU has and the operating system offers, whatever the cap. The use of AMX is asked for when a layer may come to use it, and may then be refused.</summary>
    public static IsaLevel Detected { get; } = Detect();

    /// <summary>The level that kernels use: <see cref="Detected"/>, lowered to the cap when one is set.</summary>
    /// <exception cref="PithException">The first use, when the cap variable holds none of the known names.</exception>
    public static IsaLevel Current => Capped.Value;

    // Lazy, so that a wrong name surfaces as itself and not as a TypeInitializationException.
    private static readonly Lazy<IsaLevel> Capped = new(Cap);

    /// <summary>Reads a level's name as <c>PITH_MAX_ISA</c> spells it (case does not matter).</summary>
    /// <exception cref="PithException">The name is not one of the five levels.</exception>
    public static IsaLevel Parse(string name)
    {
        foreach (var level in Enum.GetValues<IsaLevel>())
        {
            if (string.Equals(level.ToString(), name, StringComparison.OrdinalIgnoreCase)) return level;
        }
        throw new PithException(
            $"{CapVariable}: '{name}' is not an instruction-set level; expected portable, avx2, avxvnni, avx512vnni or amx.");
    }

    /// <summary>
    /// FP32 lanes of the widest vector that <paramref name="level"/> allows on this CPU: 16, 8 or 4.
    /// </summary>
    internal static int Fp32Lanes(IsaLevel level) => level switch
    {
        >= IsaLevel.Avx512Vnni when Vector512.IsHardwareAccelerated => 16,
        >= IsaLevel.Avx2 when Vector256.IsHardwareAccelerated => 8,
        _ => 4,
    };

    private static IsaLevel Detect()
    {
        if (!Avx2.IsSupported || !Fma.IsSupported) return IsaLevel.Portable;
        // CPUID leaf 7, subleaf 0: AVX512-VNNI is ecx bit 11; AMX-TILE and AMX-INT8 are edx bits 24 and 25.
        var (subleaves, _, ecx, edx) = X86Base.CpuId(7, 0);
        var avx512Vnni = Avx512BW.IsSupported && Avx512DQ.IsSupported && (ecx & 1 << 11) != 0;
        if (!avx512Vnni) return AvxVnni.IsSupported ? IsaLevel.AvxVnni : IsaLevel.Avx2;
        const int amxTileAndInt8 = 3 << 24;
        HasAmx = (edx & amxTileAndInt8) == amxTileAndInt8;
        // AMX-BF16 is edx bit 22; AVX512-BF16 is eax bit 5 of subleaf 1, which is there when subleaf 0 says so in eax.
        HasAmxBf16 = HasAmx && (edx & 1 << 22) != 0;
        HasAvx512Bf16 = subleaves >= 1 && (X86Base.CpuId(7, 1).Eax & 1 << 5) != 0;
        return HasAmx && AmxPermission.IsOffered ? IsaLevel.Amx : IsaLevel.Avx512Vnni;
    }

    private static IsaLevel Cap()
    {
        var cap = Environment.GetEnvironmentVariable(CapVariable);
        if (string.IsNullOrEmpty(cap)) return Detected;
        var level = Parse(cap);
        return level < Detected ? level : Detected;
    }
}
