using Pith.Kernels;
using Pith.Tactics;

namespace Pith.TestKit;

/// <summary>Devices of every level that tests can run here: what the CPU has, and AMX also where AVX-512 VNNI can emulate its tiles.</summary>
internal static class TestDevice
{
    public static bool Has(IsaLevel isa) => isa <= Isa.Detected || (isa == IsaLevel.Amx && Isa.Detected >= IsaLevel.Avx512Vnni);

    public static Device At(IsaLevel isa, int threads = 2) => isa <= Isa.Detected ? new Device(isa, threads) : new Device(isa, threads) { Tiles = asm => new EmulatedTiles(asm), HasAmxBf16 = Isa.HasAvx512Bf16 };
}
