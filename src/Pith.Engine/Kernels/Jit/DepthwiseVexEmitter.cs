using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernel <c>depthwise_u8s8s32_6x16_avx2</c>: up to six pixels of a row by 16 channels. Two rows of the window at a time: the bytes of a column are interleaved and widened to [channel][row]
/// words, which VPMADDWD multiplies with [channel][row] weights, once for each output whose window the column belongs to. Weights are packed as [pairs of rows][columns][16][2] words.
/// </summary>
internal sealed class DepthwiseVexEmitter(ConvKernelSpec spec) : VexBlockEmitter(spec)
{
    /// <summary>Rows of the window that are multiplied at once.</summary>
    public const int RowGroup = 2;

    private const int FirstWords = 12, FirstProduct = 14;

    private int RowGroups => Groups(Spec.Reduction.Rows);

    protected override int PanelWeightBytes => RowGroups * Spec.Reduction.Columns * 2 * VectorBytes;

    protected override int PanelInputBytes => Spec.Panel.Capacity;

    /// <summary>Pairs of rows of a window.</summary>
    public static int Groups(int rows) => (rows + RowGroup - 1) / RowGroup;

    protected override void Products()
    {
        // The input columns that the block's windows cover, each with the outputs and the columns of their windows that meet there.
        var columns =
            from pixel in Enumerable.Range(0, Spec.Block.Pixels)
            from column in Enumerable.Range(0, Spec.Reduction.Columns)
            orderby Spec.Block.Input(pixel) + column * Spec.Reduction.ColumnBytes
            group (pixel, column) by Spec.Block.Input(pixel) + column * Spec.Reduction.ColumnBytes;
        for (var group = 0; group < RowGroups; group++)
            foreach (var column in columns)
            {
                Interleave(group * RowGroup, column.Key);
                foreach (var (pixel, windowColumn) in column) Multiply(pixel, (group * Spec.Reduction.Columns + windowColumn) * 2 * VectorBytes);
            }
    }

    // Bytes of up to two rows as [channel][row] words, eight channels in a register.
    private void Interleave(int row, int column)
    {
        var first = column + row * Spec.Reduction.RowBytes;
        if (row + 1 == Spec.Reduction.Rows)
        {
            for (var half = 0; half < Vectors; half++) Asm.vpmovzxbd(Ymm(FirstWords + half), __qword_ptr[Pixel + (first + half * VexEpilogueEmitter.Lanes)]);
            return;
        }
        var (a, b) = (Xmm(FirstProduct), Xmm(FirstProduct + 1));
        Asm.vmovdqu(a, __xmmword_ptr[Pixel + first]);
        Asm.vmovdqu(b, __xmmword_ptr[Pixel + (first + Spec.Reduction.RowBytes)]);
        Asm.vpunpcklbw(Xmm(FirstWords), a, b);
        if (Vectors == 2) Asm.vpunpckhbw(Xmm(FirstWords + 1), a, b);
        for (var half = 0; half < Vectors; half++) Asm.vpmovzxbw(Ymm(FirstWords + half), Xmm(FirstWords + half));
    }

    private void Multiply(int pixel, int weight)
    {
        for (var half = 0; half < Vectors; half++)
        {
            var (product, accumulator) = (Ymm(FirstProduct + half), Ymm(pixel * Vectors + half));
            Asm.vpmaddwd(product, Ymm(FirstWords + half), __ymmword_ptr[Weight + (weight + half * VectorBytes)]);
            Asm.vpaddd(accumulator, accumulator, product);
        }
    }
}
