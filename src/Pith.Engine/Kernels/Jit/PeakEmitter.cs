using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>INT8 products on registers and nothing else, for <see cref="PeakRate"/>: the rate that no kernel exceeds.</summary>
/// <param name="isa">AVX512-VNNI or AMX.</param>
internal sealed class PeakEmitter(IsaLevel isa) : KernelEmitter
{
    private const int Rounds = 1000, VectorAccumulators = 16, TileAccumulators = 4;

    /// <summary>Multiply-accumulates of one call.</summary>
    public double Macs => isa >= IsaLevel.Amx ? (double)Rounds * TileAccumulators * TileUnit.Rows * 16 * TileUnit.RowBytes : (double)Rounds * VectorAccumulators * 64;

    protected override void Body()
    {
        var tiles = new TileUnit(Asm);
        if (isa >= IsaLevel.Amx) tiles.Configure(Args);
        Asm.mov(eax, Rounds);
        var top = Asm.CreateLabel();
        Asm.Label(ref top);
        if (isa >= IsaLevel.Amx)
            for (var i = 0; i < TileAccumulators; i++) tiles.DotInt8(i, 4 + i / 2, 6 + i % 2);
        else
            for (var i = 0; i < VectorAccumulators; i++) Asm.vpdpbusd(Zmm(i), zmm30, zmm31);
        Asm.dec(eax);
        Asm.jne(top);
        if (isa >= IsaLevel.Amx) tiles.Release();
    }
}
