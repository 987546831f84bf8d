namespace Pith.Kernels;

/// <summary>Sets of features that have a name, which <see cref="Isa.CapVariable"/> takes and reports use: all that kernels may use at most.</summary>
public static class IsaLevel
{
    /// <summary>What every 64-bit CPU has.</summary>
    public static CpuFeatures Portable => CpuFeatures.None;

    /// <summary>x86-64 without VNNI and AVX-512.</summary>
    public static CpuFeatures Avx2 => CpuFeatures.Avx2;

    /// <summary>x86-64 with VNNI, without AVX-512.</summary>
    public static CpuFeatures AvxVnni => Avx2 | CpuFeatures.AvxVnni;

    /// <summary>x86-64 with AVX-512 and its extensions, without AMX.</summary>
    public static CpuFeatures Avx512Vnni => AvxVnni | CpuFeatures.Avx512 | CpuFeatures.Avx512Vnni | CpuFeatures.Avx512Vbmi | CpuFeatures.Avx512Bf16;

    /// <summary>x86-64 with AMX.</summary>
    public static CpuFeatures Amx => Avx512Vnni | CpuFeatures.AmxInt8 | CpuFeatures.AmxBf16;

    /// <summary>The list.</summary>
    public static IReadOnlyList<(string Name, CpuFeatures Features)> All { get; } =
        [("portable", Portable), ("avx2", Avx2), ("avxvnni", AvxVnni), ("avx512vnni", Avx512Vnni), ("amx", Amx)];

    /// <summary>The set of a name (case does not matter).</summary>
    /// <exception cref="PithException">No set has this name.</exception>
    public static CpuFeatures Parse(string name)
    {
        foreach (var (known, features) in All)
            if (string.Equals(known, name, StringComparison.OrdinalIgnoreCase)) return features;
        throw new PithException($"{Isa.CapVariable}: '{name}' is not a set of CPU features; expected {string.Join(", ", All.SkipLast(1).Select(level => level.Name))} or {All[^1].Name}.");
    }
}
