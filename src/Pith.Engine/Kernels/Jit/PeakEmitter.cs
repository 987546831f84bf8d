using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>Products on registers and nothing else, for <see cref="PeakRate"/>: the rate that no kernel exceeds.</summary>
internal sealed unsafe class PeakEmitter : KernelEmitter
{
    private const int Rounds = 1000, VectorAccumulators = 16, TileAccumulators = 4;

    private static readonly CodeArena s_code = new();

    private readonly ConvArithmetic _arithmetic;
    private readonly TileUnit? _tiles;

    private PeakEmitter(ConvArithmetic arithmetic, Func<Assembler, TileUnit>? tiles) => (_arithmetic, _tiles) = (arithmetic, tiles?.Invoke(Asm));

    /// <summary>The loop, emitted at its first call.</summary>
    /// <param name="precision">As <see cref="LayerInfo.Precision"/> has it.</param>
    /// <param name="arithmetic">The products.</param>
    /// <param name="tiles">Makes AMX instructions; null for AVX-512 registers.</param>
    public static PeakLoop Loop(string precision, ConvArithmetic arithmetic, Func<Assembler, TileUnit>? tiles)
    {
        var macs = Rounds * (tiles is null ? VectorAccumulators * 64.0 : TileAccumulators * TileUnit.Rows * 16.0 * TileUnit.RowBytes) / arithmetic.OperandBytes;
        var config = TileUnit.Config([.. Enumerable.Repeat(TileUnit.Rows, TileUnit.Count)]);
        return new PeakLoop(precision, macs, () =>
        {
            var loop = (delegate* unmanaged<void*, void>)s_code.Get("peak", (arithmetic, tiles), new PeakEmitter(arithmetic, tiles).Emit);
            fixed (byte* start = config) loop(start);
        });
    }

    protected override void Body()
    {
        _tiles?.Configure(Args);
        Asm.mov(eax, Rounds);
        var top = Asm.CreateLabel();
        Asm.Label(ref top);
        if (_tiles is not null)
            for (var i = 0; i < TileAccumulators; i++) _arithmetic.MultiplyAdd(_tiles, i, 4 + i / 2, 6 + i % 2);
        else
            for (var i = 0; i < VectorAccumulators; i++) _arithmetic.MultiplyAdd(Asm, Zmm(i), zmm30, zmm31);
        Asm.dec(eax);
        Asm.jne(top);
        _tiles?.Release();
    }
}
