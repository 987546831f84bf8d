using Pith.Kernels;

namespace Pith.EngineTests;

public class PeakRateTests
{
    [Fact]
    public void Every_level_has_a_rate_that_is_measured_once()
    {
        foreach (var isa in TestDevice.Levels.Where(Isa.Detected.Include))
            foreach (var precision in (string[])["float32", "bfloat16", "int8"])
            {
                var rate = PeakRate.MacsPerSecond(isa, precision, threads: 2);
                // From a slow emulator to a machine of the next decade.
                Assert.InRange(rate, 1e6, 1e15);
                Assert.Equal(rate, PeakRate.MacsPerSecond(isa, precision, threads: 2));
            }
    }
}
