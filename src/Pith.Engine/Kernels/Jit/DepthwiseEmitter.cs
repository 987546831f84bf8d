using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernel <c>depthwise_u8s8s32_Px64_avx512vnni</c>: P pixels of a row by 64 channels. Up to four rows of the window at a time: the bytes of a column are interleaved to [channel][row], which one
/// VPDPBUSD multiplies with [channel][row] weights, once for each output whose window the column belongs to. Weights are packed as [groups of rows][columns][4 vectors][16 channels][4 rows].
/// Interleaving leaves the channels in the order of a <see cref="Pack"/> of four.
/// </summary>
internal sealed class DepthwiseEmitter(ConvKernelSpec spec) : ZmmBlockEmitter(spec)
{
    /// <summary>Vectors of a panel.</summary>
    public const int PanelVectors = 4;

    /// <summary>Rows of the window that are multiplied at once.</summary>
    public const int RowGroup = 4;

    private const int Interleaving = 6, Spare = 2;

    /// <summary>The most pixels of a block.</summary>
    public static int LargestBlock => (Registers - Interleaving - Spare) / PanelVectors;

    protected override int PanelWeightBytes => Groups(Spec.Reduction.Rows) * Spec.Reduction.Columns * Vectors * VectorBytes;

    // Each panel reads its own channels.
    protected override int PanelInputBytes => Spec.Panel.Capacity;

    /// <summary>Groups of rows of a window.</summary>
    public static int Groups(int rows) => (rows + RowGroup - 1) / RowGroup;

    protected override void Products()
    {
        for (var group = 0; group < Groups(Spec.Reduction.Rows); group++)
            foreach (var column in Columns()) Multiply(group, column);
    }

    // The input columns that the block's windows cover, as bytes from the first, each with the outputs and the columns of their windows that meet there.
    private IEnumerable<IGrouping<int, (int Pixel, int Column)>> Columns() =>
        from pixel in Enumerable.Range(0, Pixels)
        from column in Enumerable.Range(0, Spec.Reduction.Columns)
        orderby Block.Input(pixel) + column * Spec.Reduction.ColumnBytes
        group (pixel, column) by Block.Input(pixel) + column * Spec.Reduction.ColumnBytes;

    private void Multiply(int group, IGrouping<int, (int Pixel, int Column)> column)
    {
        var rows = Math.Min(RowGroup, Spec.Reduction.Rows - group * RowGroup);
        var interleaved = Interleave(group, rows, column.Key);
        foreach (var (pixel, windowColumn) in column)
            for (var v = 0; v < Vectors; v++)
                Asm.vpdpbusd(Zmm(pixel * Vectors + v), Zmm(interleaved[v]), __zmmword_ptr[Weights + ((group * Spec.Reduction.Columns + windowColumn) * Vectors + v) * VectorBytes]);
    }

    // Bytes of up to four rows as [channel][row]: four registers of sixteen channels.
    private int[] Interleave(int group, int rows, int column)
    {
        int Register(int index) => Accumulators + index;
        AssemblerMemoryOperand Row(int row) => __zmmword_ptr[Pixel + (column + (group * RowGroup + row) * Spec.Reduction.RowBytes)];
        if (rows == 1)
        {
            Asm.vmovdqu64(Zmm(Register(4)), Row(0));
            for (var v = 0; v < Vectors; v++) Asm.vpshufb(Zmm(Register(v)), Zmm(Register(4)), __zmmword_ptr[Shared + (EpilogueConstants.BytesToInts + 64 * v)]);
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
