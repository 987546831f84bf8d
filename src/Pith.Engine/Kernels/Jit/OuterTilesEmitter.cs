using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>What the code of <see cref="OuterTilesEmitter"/> is told.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OuterTilesArgs
{
    /// <summary>[lines][pairs of columns][2] bfloat16.</summary>
    public byte* A;

    /// <summary>[pairs of columns][vectors][16][2] bfloat16.</summary>
    public byte* B;

    /// <summary>The sums, which are added to.</summary>
    public float* Sums;

    /// <summary>Bytes from line to line of A.</summary>
    public nint LineBytes;

    /// <summary>Steps of 16 pairs of columns; at least 1.</summary>
    public nint Steps;
}

/// <summary>Everything that the code of <see cref="OuterTilesEmitter"/> depends on.</summary>
/// <param name="Lines">Lines of A in tiles of 16, 1 to 4.</param>
/// <param name="Vectors">Vectors of 16 elements of B at each column, 1 to 4.</param>
/// <param name="SumBytes">Bytes from line to line of the sums.</param>
internal sealed record OuterTilesSpec(int Lines, int Vectors, int SumBytes);

/// <summary>
/// Kernels <c>outer_bf16bf16f32_LxV16_amxbf16</c>: what <see cref="OuterProductEmitter"/> computes, in tiles. Up to two by two tiles of sums stay in registers while the columns pass, 32 at a time.
/// </summary>
internal sealed class OuterTilesEmitter : KernelEmitter
{
    private const int MostTiles = 2, LeftTile = 4, RightTile = 6;

    private static readonly AssemblerRegister64 s_a = rbx, s_b = rbp, s_sums = r8, s_lineBytes = r9, s_steps = r10, s_columnBytes = r11, s_sumBytes = r12, s_weight = r14, s_left = rax, s_toSums = r15;
    private static readonly AssemblerRegister64[] s_lines = [r13, rdx];

    private readonly OuterTilesSpec _spec;
    private readonly TileUnit _unit;

    /// <param name="spec">Sizes.</param>
    /// <param name="unit">Makes the AMX instructions.</param>
    public OuterTilesEmitter(OuterTilesSpec spec, Func<Assembler, TileUnit> unit) => (_spec, _unit) = (spec, unit(Asm));

    /// <summary>The name that profiles show.</summary>
    public static string Name(OuterTilesSpec spec) => $"outer_bf16bf16f32_{spec.Lines * TileUnit.Rows}x{spec.Vectors * PanelShape.Lanes}_amxbf16";

    /// <summary>The configuration that the thread must have: all tiles are full.</summary>
    public static byte[] Config => TileUnit.Config([.. Enumerable.Repeat(TileUnit.Rows, TileUnit.Count)]);

    protected override void Body()
    {
        _unit.Expect([.. Enumerable.Repeat(TileUnit.Rows, TileUnit.Count)]);
        Load<OuterTilesArgs>(Args, (s_a, nameof(OuterTilesArgs.A)), (s_b, nameof(OuterTilesArgs.B)), (s_sums, nameof(OuterTilesArgs.Sums)), (s_lineBytes, nameof(OuterTilesArgs.LineBytes)), (s_steps, nameof(OuterTilesArgs.Steps)));
        Asm.mov(s_columnBytes, _spec.Vectors * TileUnit.RowBytes);
        Asm.mov(s_sumBytes, _spec.SumBytes);
        if (_unit.FrameBytes > 0) Asm.sub(rsp, _unit.FrameBytes);
        for (var line = 0; line < _spec.Lines; line += MostTiles)
            for (var vector = 0; vector < _spec.Vectors; vector += MostTiles)
                Block(line, Math.Min(MostTiles, _spec.Lines - line), vector, Math.Min(MostTiles, _spec.Vectors - vector));
        if (_unit.FrameBytes > 0) Asm.add(rsp, _unit.FrameBytes);
    }

    private void Block(int firstLine, int lines, int firstVector, int vectors)
    {
        for (var i = 0; i < lines; i++)
        {
            Asm.imul(s_lines[i], s_lineBytes, (firstLine + i) * TileUnit.Rows);
            Asm.add(s_lines[i], s_a);
        }
        Asm.lea(s_weight, __[s_b + firstVector * TileUnit.RowBytes]);
        Asm.lea(s_toSums, __[s_sums + (firstLine * TileUnit.Rows * _spec.SumBytes + firstVector * TileUnit.RowBytes)]);
        EachSum((tile, offset) => _unit.Load(tile, s_toSums, s_sumBytes, offset));
        Asm.mov(s_left, s_steps);
        var step = Asm.CreateLabel();
        Asm.Label(ref step);
        for (var i = 0; i < lines; i++)
        {
            _unit.Load(LeftTile + i, s_lines[i], s_lineBytes, 0);
            Asm.add(s_lines[i], TileUnit.RowBytes);
        }
        for (var v = 0; v < vectors; v++) _unit.Load(RightTile + v, s_weight, s_columnBytes, v * TileUnit.RowBytes);
        Asm.add(s_weight, TileUnit.Rows * _spec.Vectors * TileUnit.RowBytes);
        for (var i = 0; i < lines; i++)
            for (var v = 0; v < vectors; v++) _unit.DotBf16(i * MostTiles + v, LeftTile + i, RightTile + v);
        Asm.dec(s_left);
        Asm.jne(step);
        EachSum((tile, offset) => _unit.Store(tile, s_toSums, s_sumBytes, offset));

        void EachSum(Action<int, int> action)
        {
            for (var i = 0; i < lines; i++)
                for (var v = 0; v < vectors; v++) action(i * MostTiles + v, i * TileUnit.Rows * _spec.SumBytes + v * TileUnit.RowBytes);
        }
    }
}
