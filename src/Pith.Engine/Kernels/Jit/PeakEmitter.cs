using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>Products on registers and nothing else, for <see cref="PeakRate"/>: the rate that no kernel exceeds.</summary>
/// <param name="arithmetic">The products.</param>
/// <param name="usesTiles">AMX tiles; else AVX-512 registers.</param>
internal sealed class PeakEmitter(ConvArithmetic arithmetic, bool usesTiles) : KernelEmitter
{
    private const int Rounds = 1000, VectorAccumulators = 16, TileAccumulators = 4;

    /// <summary>Multiply-accumulates of one call.</summary>
    public double Macs => (usesTiles ? (double)Rounds * TileAccumulators * TileUnit.Rows * 16 * TileUnit.RowBytes : (double)Rounds * VectorAccumulators * 64) / arithmetic.OperandBytes;

    protected override void Body()
    {
        var tiles = new TileUnit(Asm);
        if (usesTiles) tiles.Configure(Args);
        Asm.mov(eax, Rounds);
        var top = Asm.CreateLabel();
        Asm.Label(ref top);
        if (usesTiles)
            for (var i = 0; i < TileAccumulators; i++) arithmetic.MultiplyAdd(tiles, i, 4 + i / 2, 6 + i % 2);
        else
            for (var i = 0; i < VectorAccumulators; i++) arithmetic.MultiplyAdd(Asm, Zmm(i), zmm30, zmm31);
        Asm.dec(eax);
        Asm.jne(top);
        if (usesTiles) tiles.Release();
    }
}
