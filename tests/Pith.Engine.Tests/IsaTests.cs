namespace Pith.Kernels.Tests;

public class IsaTests
{
    [Fact]
    public void Levels_are_read_as_the_variable_spells_them()
    {
        Assert.Equal(IsaLevel.Portable, Isa.Parse("portable"));
        Assert.Equal(IsaLevel.AvxVnni, Isa.Parse("avxvnni"));
        Assert.Equal(IsaLevel.Avx512Vnni, Isa.Parse("AVX512VNNI"));
        var error = Assert.Throws<PithException>(() => Isa.Parse("sse9"));
        Assert.Contains("'sse9'", error.Message, StringComparison.Ordinal);
        Assert.Contains("avx2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_level_promises_more_than_the_cpu_has()
    {
        Assert.True(Isa.Current <= Isa.Detected);
        Assert.Equal(4, Isa.Fp32Lanes(IsaLevel.Portable));
        Assert.True(Isa.Fp32Lanes(IsaLevel.Avx2) <= 8);
        Assert.True(Isa.Fp32Lanes(Isa.Detected) >= Isa.Fp32Lanes(IsaLevel.Portable));
    }
}
