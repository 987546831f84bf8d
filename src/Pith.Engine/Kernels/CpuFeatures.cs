using System.Collections.Concurrent;
using System.Runtime.Intrinsics;

namespace Pith.Kernels;

/// <summary>A set of CPU features that kernels are written for, beyond what every 64-bit CPU has: vectors of 128 bits (SSE2, NEON).</summary>
/// <remarks>
/// Sets have no order, and no feature of one architecture is a feature of another. A kernel says what it needs and runs where that is part of what it may use (<see cref="Include"/>).
/// </remarks>
public readonly record struct CpuFeatures
{
    private static readonly (string Name, CpuFeatures Feature)[] s_names =
    [
        ("AVX2", Avx2), ("AVX-VNNI", AvxVnni), ("AVX-512", Avx512), ("AVX512-VNNI", Avx512Vnni), ("AVX512-VBMI", Avx512Vbmi), ("AVX512-BF16", Avx512Bf16), ("AMX-INT8", AmxInt8), ("AMX-BF16", AmxBf16),
        ("NEON", Neon), ("DotProd", DotProd),
    ];

    // A hundred tactics are asked for each layer, and most of them are for other machines.
    private static readonly ConcurrentDictionary<CpuFeatures, string> s_lacks = new();

    private readonly uint _bits;

    private CpuFeatures(uint bits) => _bits = bits;

    /// <summary>Nothing beyond what every 64-bit CPU has.</summary>
    public static CpuFeatures None => default;

    /// <summary>x86-64: AVX2 and FMA, vectors of 256 bits.</summary>
    public static CpuFeatures Avx2 => new(1 << 0);

    /// <summary>x86-64: the 256-bit int8 dot product in its VEX form, which a CPU with AVX-512 may lack.</summary>
    public static CpuFeatures AvxVnni => new(1 << 1);

    /// <summary>x86-64: AVX-512 F, BW, DQ and VL, vectors of 512 bits.</summary>
    public static CpuFeatures Avx512 => new(1 << 2);

    /// <summary>x86-64: the 512-bit int8 dot product.</summary>
    public static CpuFeatures Avx512Vnni => new(1 << 3);

    /// <summary>x86-64: permutations of the bytes of a 512-bit vector.</summary>
    public static CpuFeatures Avx512Vbmi => new(1 << 4);

    /// <summary>x86-64: the 512-bit bfloat16 dot product.</summary>
    public static CpuFeatures Avx512Bf16 => new(1 << 5);

    /// <summary>x86-64: int8 products of AMX tiles.</summary>
    public static CpuFeatures AmxInt8 => new(1 << 6);

    /// <summary>x86-64: bfloat16 products of AMX tiles.</summary>
    public static CpuFeatures AmxBf16 => new(1 << 7);

    /// <summary>ARM64: Advanced SIMD, vectors of 128 bits.</summary>
    public static CpuFeatures Neon => new(1 << 16);

    /// <summary>ARM64: the 128-bit int8 dot product.</summary>
    public static CpuFeatures DotProd => new(1 << 17);

    /// <summary>The features' own names: <c>AVX2, AVX-VNNI</c>.</summary>
    public string Names
    {
        get
        {
            var features = this;
            return string.Join(", ", s_names.Where(entry => features.Include(entry.Feature)).Select(entry => entry.Name));
        }
    }

    /// <summary>Bytes of the widest vector that C# kernels may use: 64, 32 or 16.</summary>
    internal int VectorBytes => Include(Avx512) && Vector512.IsHardwareAccelerated ? 64 : Include(Avx2) && Vector256.IsHardwareAccelerated ? 32 : 16;

    /// <summary>FP32 lanes of that vector.</summary>
    internal int Fp32Lanes => VectorBytes / sizeof(float);

    /// <summary>Whether all of <paramref name="needed"/> is part of this set.</summary>
    public bool Include(CpuFeatures needed) => (_bits & needed._bits) == needed._bits;

    /// <summary>Null when all of <paramref name="needed"/> is part of this set; otherwise a clause that says what is missing.</summary>
    internal string? Lack(CpuFeatures needed) => Include(needed) ? null : s_lacks.GetOrAdd(needed.Without(this), static missing => $"needs {missing.Names}");

    /// <summary>The features of this set that <paramref name="others"/> lacks.</summary>
    public CpuFeatures Without(CpuFeatures others) => new(_bits & ~others._bits);

    /// <summary>The features of both sets together.</summary>
    public static CpuFeatures operator |(CpuFeatures left, CpuFeatures right) => new(left._bits | right._bits);

    /// <summary>The features that both sets have.</summary>
    public static CpuFeatures operator &(CpuFeatures left, CpuFeatures right) => new(left._bits & right._bits);

    /// <summary>The name of an <see cref="IsaLevel"/>, when the set is one, or its features: <c>avx512vnni</c>, <c>avx2+avx-512</c>.</summary>
    public override string ToString()
    {
        var features = this;
        return IsaLevel.All.FirstOrDefault(level => level.Features == features).Name ?? Names.Replace(", ", "+", StringComparison.Ordinal).ToLowerInvariant();
    }
}
