using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernel <c>depthwise_u8s8s32_Px64_avx512vnni</c>: P pixels of a row by 64 channels. Up to four rows of the window at a time: the bytes of a column are interleaved to [channel][row], which one
/// VPDPBUSD multiplies with [channel][row] weights, once for each output whose window the column belongs to. Weights are packed as [groups of rows][columns][4 vectors][16 channels][4 rows].
/// Interleaving leaves the channels in the order of a <see cref="Pack"/> of four.
/// </summary>
internal sealed class DepthwiseEmitter(ConvKernelSpec spec) : KernelEmitter
{
    /// <summary>Vectors of a panel.</summary>
    public const int Vectors = 4;

    /// <summary>Rows of the window that are multiplied at once.</summary>
    public const int RowGroup = 4;

    private const int Registers = 32, Interleaving = 6;

    private static readonly AssemblerRegister64 s_input = rbx, s_weights = rdx, s_tiles = rsi, s_tileCount = rcx, s_panel = r8, s_shared = r9, s_output = r10, s_residual = r11;
    private static readonly AssemblerRegister64 s_pixel = r12, s_tileOutput = r14, s_tileResidual = r15, s_panelCount = rbp;

    /// <summary>The most pixels of a tile.</summary>
    public static int LargestTile => (Registers - Interleaving - 2) / Vectors;

    private EpilogueEmitter? _epilogue;

    private int Pixels => spec.Tile.Pixels;

    private int RowGroups => Groups(spec.Reduction.Rows);

    /// <summary>Groups of rows of a window.</summary>
    public static int Groups(int rows) => (rows + RowGroup - 1) / RowGroup;

    protected override void OutOfLine() => _epilogue!.OutOfLine();

    protected override void Body()
    {
        var first = Pixels * Vectors;
        _epilogue = new EpilogueEmitter(
            Asm, spec.Epilogue, spec.Panel, new EpilogueRegisters(s_tileOutput, s_tileResidual, s_panel, s_shared, Enumerable.Range(first, Registers - first).ToArray()), spec.Tile.Output, spec.Tile.Residual);
        (AssemblerRegister64 Register, string Field)[] fields =
        [
            (s_input, nameof(ConvKernelArgs.Input)), (s_output, nameof(ConvKernelArgs.Output)), (s_residual, nameof(ConvKernelArgs.Residual)), (s_weights, nameof(ConvKernelArgs.Weights)),
            (s_panel, nameof(ConvKernelArgs.Panel)), (s_shared, nameof(ConvKernelArgs.Shared)), (s_panelCount, nameof(ConvKernelArgs.PanelCount)),
        ];
        foreach (var (register, field) in fields) Asm.mov(register, Argument(field));
        _epilogue.LoadMask();
        var (panel, tile) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref panel);
        Asm.mov(s_tiles, Argument(nameof(ConvKernelArgs.Tiles)));
        Asm.mov(s_tileCount, Argument(nameof(ConvKernelArgs.TileCount)));
        Asm.Label(ref tile);
        OpenTile();
        for (var group = 0; group < RowGroups; group++)
            foreach (var column in Columns()) Column(group, column);
        foreach (var step in _epilogue.Steps(Pixels, (pixel, vector, _) => pixel * Vectors + vector)) step();
        Asm.add(s_tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(s_tileCount);
        Asm.jne(tile);
        Asm.add(s_weights, RowGroups * spec.Reduction.Columns * Vectors * 64);
        Asm.add(s_panel, EpilogueConstants.PanelBytes(Vectors));
        Asm.add(s_input, spec.Panel.Capacity);
        Asm.add(s_output, spec.OutputPanelBytes);
        Asm.add(s_residual, spec.ResidualPanelBytes);
        Asm.dec(s_panelCount);
        Asm.jne(panel);
    }

    private static AssemblerMemoryOperand Argument(string field) => __qword_ptr[Args + (int)Marshal.OffsetOf<ConvKernelArgs>(field)];

    private void OpenTile()
    {
        Asm.mov(s_pixel, __qword_ptr[s_tiles + (int)Marshal.OffsetOf<TileOffsets>(nameof(TileOffsets.Input))]);
        Asm.mov(s_tileOutput, __qword_ptr[s_tiles + (int)Marshal.OffsetOf<TileOffsets>(nameof(TileOffsets.Output))]);
        Asm.mov(s_tileResidual, __qword_ptr[s_tiles + (int)Marshal.OffsetOf<TileOffsets>(nameof(TileOffsets.Residual))]);
        Asm.add(s_pixel, s_input);
        Asm.add(s_tileOutput, s_output);
        Asm.add(s_tileResidual, s_residual);
        for (var i = 0; i < Pixels * Vectors; i++)
        {
            if (i < Vectors) Asm.vmovdqu64(Zmm(i), __zmmword_ptr[s_panel + EpilogueConstants.Start(i)]);
            else Asm.vmovdqa64(Zmm(i), Zmm(i % Vectors));
        }
    }

    // The input columns that the tile's windows cover, as bytes from the first, each with the outputs and the columns of their windows that meet there.
    private IEnumerable<IGrouping<int, (int Pixel, int Column)>> Columns() =>
        from pixel in Enumerable.Range(0, Pixels)
        from column in Enumerable.Range(0, spec.Reduction.Columns)
        orderby spec.Tile.Input(pixel) + column * spec.Reduction.ColumnBytes
        group (pixel, column) by spec.Tile.Input(pixel) + column * spec.Reduction.ColumnBytes;

    private void Column(int group, IGrouping<int, (int Pixel, int Column)> column)
    {
        var rows = Math.Min(RowGroup, spec.Reduction.Rows - group * RowGroup);
        var interleaved = Interleave(group, rows, column.Key);
        foreach (var (pixel, windowColumn) in column)
            for (var v = 0; v < Vectors; v++)
                Asm.vpdpbusd(Zmm(pixel * Vectors + v), Zmm(interleaved[v]), __zmmword_ptr[s_weights + ((group * spec.Reduction.Columns + windowColumn) * Vectors + v) * 64]);
    }

    // Bytes of up to four rows as [channel][row]: four registers of sixteen channels.
    private int[] Interleave(int group, int rows, int column)
    {
        var first = Pixels * Vectors;
        int Register(int index) => first + index;
        AssemblerMemoryOperand Row(int row) => __zmmword_ptr[s_pixel + (column + (group * RowGroup + row) * spec.Reduction.RowBytes)];
        if (rows == 1)
        {
            Asm.vmovdqu64(Zmm(Register(4)), Row(0));
            for (var v = 0; v < Vectors; v++) Asm.vpshufb(Zmm(Register(v)), Zmm(Register(4)), __zmmword_ptr[s_shared + (EpilogueConstants.BytesToInts + 64 * v)]);
            return [Register(0), Register(1), Register(2), Register(3)];
        }
        // Rows that are not there have weights of 0, and repeat one that is.
        var (a, b, c, d, high, high2) = (Register(0), Register(1), Register(2), Register(3), Register(4), Register(5));
        Asm.vmovdqu64(Zmm(a), Row(0));
        Asm.vmovdqu64(Zmm(b), Row(1));
        Asm.vpunpckhbw(Zmm(high), Zmm(a), Zmm(b));
        Asm.vpunpcklbw(Zmm(a), Zmm(a), Zmm(b));
        if (rows == 2)
        {
            Asm.vpunpcklwd(Zmm(b), Zmm(a), Zmm(a));
            Asm.vpunpckhwd(Zmm(d), Zmm(a), Zmm(a));
            Asm.vpunpcklwd(Zmm(c), Zmm(high), Zmm(high));
            Asm.vpunpckhwd(Zmm(a), Zmm(high), Zmm(high));
            return [b, d, c, a];
        }
        Asm.vmovdqu64(Zmm(c), Row(2));
        if (rows == 4) Asm.vmovdqu64(Zmm(d), Row(3));
        Asm.vpunpckhbw(Zmm(high2), Zmm(c), Zmm(rows == 4 ? d : c));
        Asm.vpunpcklbw(Zmm(c), Zmm(c), Zmm(rows == 4 ? d : c));
        Asm.vpunpcklwd(Zmm(b), Zmm(a), Zmm(c));
        Asm.vpunpckhwd(Zmm(d), Zmm(a), Zmm(c));
        Asm.vpunpcklwd(Zmm(a), Zmm(high), Zmm(high2));
        Asm.vpunpckhwd(Zmm(c), Zmm(high), Zmm(high2));
        return [b, d, a, c];
    }
}
