using System.Runtime.Intrinsics.X86;
using Pith.Platform;
using Pith.Tactics;

namespace Pith.Kernels.Tests;

public class IsaTests
{
    [Fact]
    public void Sets_are_read_as_the_variable_spells_them()
    {
        Assert.Equal(CpuFeatures.None, IsaLevel.Parse("portable"));
        Assert.Equal(CpuFeatures.Avx2 | CpuFeatures.AvxVnni, IsaLevel.Parse("avxvnni"));
        Assert.Equal(IsaLevel.Avx512Vnni, IsaLevel.Parse("AVX512VNNI"));
        foreach (var (name, features) in IsaLevel.All) Assert.Equal((name, features), (features.ToString(), IsaLevel.Parse(name)));
        var error = Assert.Throws<PithException>(() => IsaLevel.Parse("sse9"));
        Assert.Contains("'sse9'", error.Message, StringComparison.Ordinal);
        Assert.All(IsaLevel.All, level => Assert.Contains(level.Name, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void What_has_no_name_is_spelled_feature_by_feature()
    {
        Assert.Equal("avx2+avx-512+avx512-vnni", (CpuFeatures.Avx2 | CpuFeatures.Avx512 | CpuFeatures.Avx512Vnni).ToString());
        Assert.Equal("neon+dotprod", (CpuFeatures.Neon | CpuFeatures.DotProd).ToString());
    }

    [Fact]
    public void Nothing_is_used_that_the_cpu_lacks()
    {
        Assert.True(Isa.Detected.Include(Isa.Current));
        Assert.Equal(4, IsaLevel.Portable.Fp32Lanes);
        Assert.True(IsaLevel.Avx2.Fp32Lanes <= 8);
        Assert.True(Isa.Detected.Fp32Lanes >= IsaLevel.Portable.Fp32Lanes);
    }

    [Fact]
    public void A_program_compiled_ahead_of_time_finds_what_the_runtime_finds()
    {
        Assert.SkipUnless(X86Base.IsSupported, "Only x86-64 has CPUID.");
        Assert.SkipWhen(Environment.GetEnvironmentVariables().Keys.Cast<string>().Any(name => name.StartsWith("DOTNET_Enable", StringComparison.OrdinalIgnoreCase)), "The runtime was told to leave instructions out.");
        Assert.Equal(Isa.Detected, Cpuid.Features(SavedRegisters.VectorBytes, AmxPermission.IsOffered));
        Assert.Equal(CpuFeatures.None, Cpuid.Features(16, offersTiles: true));
        Assert.True(IsaLevel.AvxVnni.Include(Cpuid.Features(32, offersTiles: true)));
    }

    [Fact]
    public void No_feature_stands_for_another()
    {
        var features = new[]
        {
            CpuFeatures.Avx2, CpuFeatures.AvxVnni, CpuFeatures.Avx512, CpuFeatures.Avx512Vnni, CpuFeatures.Avx512Vbmi, CpuFeatures.Avx512Bf16, CpuFeatures.AmxInt8, CpuFeatures.AmxBf16, CpuFeatures.Neon, CpuFeatures.DotProd,
        };
        foreach (var a in features)
            foreach (var b in features) Assert.Equal(a == b, a.Include(b));
        Assert.Equal(features.Length, features.Aggregate((all, feature) => all | feature).Names.Split(", ").Distinct().Count());
        Assert.Equal(CpuFeatures.Avx2, IsaLevel.Amx & IsaLevel.Avx2);
        Assert.Equal(CpuFeatures.None, (CpuFeatures.Neon | CpuFeatures.DotProd) & IsaLevel.Amx);
    }
}
