using Pith.Benchmarking;
using Pith.Kernels;
using Pith.Tactics;

namespace Pith.EngineTests;

public class PeakRateTests
{
    [Fact]
    public void Every_level_has_a_rate_that_is_measured_once()
    {
        foreach (var isa in TestDevice.Levels)
            foreach (var precision in (string[])["float32", "bfloat16", "int8"])
            {
                var rate = PeakRate.MacsPerSecond(TestDevice.At(isa), precision, threads: 2);
                // From a slow emulator to a machine of the next decade.
                Assert.InRange(rate, 1e6, 1e15);
                Assert.Equal(rate, PeakRate.MacsPerSecond(TestDevice.At(isa), precision, threads: 2));
            }
    }

    [Fact]
    public void A_rate_comes_from_the_loops_of_the_families_that_a_device_has()
    {
        Assert.SkipUnless(TestDevice.Has(CpuFeatures.Avx512Vnni), "This CPU has no AVX-512 VNNI.");
        var loops = new[] { IsaLevel.Portable, IsaLevel.Avx2, IsaLevel.Avx512Vnni }.Select(level => Loops(TestDevice.At(level))).ToArray();
        Assert.Equal([1, 2, 2], loops.Select(each => each.Length));
        Assert.True(loops[1].Max(loop => loop.Macs) > loops[0].Max(loop => loop.Macs));
        Assert.Equal(3, loops.SelectMany(each => each).Distinct().Count());

        static PeakLoop[] Loops(Device device) => [.. device.Tactics.Select(tactic => tactic.PeakLoop(device)).OfType<PeakLoop>().Where(loop => loop.Precision == "int8").Distinct()];
    }
}
