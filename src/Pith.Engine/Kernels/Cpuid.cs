using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels;

/// <summary>Instruction sets of an x86-64 CPU as CPUID tells them, never its model name. Only for processes with <see cref="X86Base"/>.</summary>
internal static class Cpuid
{
    /// <summary>Whether the CPU has AMX-TILE and AMX-INT8: leaf 7, subleaf 0, edx bits 24 and 25.</summary>
    public static bool HasAmx
    {
        get
        {
            const int tileAndInt8 = 3 << 24;
            return (X86Base.CpuId(7, 0).Edx & tileAndInt8) == tileAndInt8;
        }
    }

    /// <summary>What kernels may use.</summary>
    /// <param name="vectorBytes">Bytes of the widest vectors whose registers the system saves.</param>
    /// <param name="offersTiles">Whether it saves AMX tiles too, for who asks.</param>
    public static CpuFeatures Features(int vectorBytes, bool offersTiles)
    {
        const int leaf7 = 7, fma = 1 << 12, avx2 = 1 << 5;
        if (X86Base.CpuId(0, 0).Eax < leaf7) return CpuFeatures.None;
        var (subleaves, ebx, ecx, edx) = X86Base.CpuId(leaf7, 0);
        var eaxOf1 = subleaves >= 1 ? X86Base.CpuId(leaf7, 1).Eax : 0;
        if (vectorBytes < 32 || (ebx & avx2) == 0 || (X86Base.CpuId(1, 0).Ecx & fma) == 0) return CpuFeatures.None;
        var features = CpuFeatures.Avx2 | Of(eaxOf1, 4, CpuFeatures.AvxVnni);
        // AVX512F, DQ, BW, VL.
        const int avx512 = 1 << 16 | 1 << 17 | 1 << 30 | 1 << 31;
        if (vectorBytes < 64 || (ebx & avx512) != avx512) return features;
        features |= CpuFeatures.Avx512 | Of(ecx, 11, CpuFeatures.Avx512Vnni) | Of(ecx, 1, CpuFeatures.Avx512Vbmi) | Of(eaxOf1, 5, CpuFeatures.Avx512Bf16);
        return offersTiles && HasAmx ? features | CpuFeatures.AmxInt8 | Of(edx, 22, CpuFeatures.AmxBf16) : features;
    }

    private static CpuFeatures Of(int register, int bit, CpuFeatures features) => (register >> bit & 1) != 0 ? features : CpuFeatures.None;
}
