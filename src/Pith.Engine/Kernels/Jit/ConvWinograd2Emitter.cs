using Iced.Intel;

namespace Pith.Kernels.Jit;

/// <summary>Kernel <c>conv_winograd2_u8s8s32_6x16c2_avx2</c>: F(2x2, 3x3), 16 products for four outputs. With 2G for G results are four times too large.</summary>
/// <remarks>
/// An element of B' d B is a sum of up to four bytes, at most 4 * 255 = 1020, or a difference of two sums of up to two. One of 2G g 2G' is at most 9 * 128 = 1152.
/// </remarks>
internal sealed class ConvWinograd2Emitter(ConvKernelSpec spec) : ConvWinogradEmitter(spec)
{
    /// <summary>Rows and columns of a tile.</summary>
    public const int Outputs = 2;

    /// <summary>Bits by which results are too large before they are divided.</summary>
    public const int ExtraBits = 2;

    /// <summary>Rows of 2G.</summary>
    public static int[][] WeightTransform { get; } = [[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]];

    // Rows of B': 1 0 -1 0, 0 1 1 0, 0 -1 1 0, 0 1 0 -1. Along rows first, one of the results at a time, from the two pixels that it is made of.
    protected override void TransformInput()
    {
        AssemblerRegisterYMM Column(int row, int column) => Ymm((column - 1) * Size + row);
        AssemblerRegisterYMM Mixed(int row) => Ymm(2 * Size + row);

        foreach (var column in (int[])[1, 2])
            for (var row = 0; row < Size; row++) Asm.vpmovzxbw(Column(row, column), Bytes(row, column));
        for (var column = 0; column < Size; column++)
        {
            for (var row = 0; row < Size; row++)
            {
                var (mixed, one, two) = (Mixed(row), Column(row, 1), Column(row, 2));
                if (column is 0 or 3) Asm.vpmovzxbw(mixed, Bytes(row, column));
                if (column == 0) Asm.vpsubw(mixed, mixed, two);
                else if (column == 1) Asm.vpaddw(mixed, one, two);
                else if (column == 2) Asm.vpsubw(mixed, two, one);
                else Asm.vpsubw(mixed, one, mixed);
            }
            var result = Ymm(3 * Size);
            for (var row = 0; row < Size; row++)
            {
                if (row == 0) Asm.vpsubw(result, Mixed(0), Mixed(2));
                else if (row == 1) Asm.vpaddw(result, Mixed(1), Mixed(2));
                else if (row == 2) Asm.vpsubw(result, Mixed(2), Mixed(1));
                else Asm.vpsubw(result, Mixed(1), Mixed(3));
                Asm.vmovdqu(Transformed(row, column), result);
            }
        }
    }

    // Rows of A': 1 1 1 0 and 0 1 -1 -1. Along columns first.
    protected override void Products()
    {
        AssemblerRegisterYMM Upper(int column) => Ymm(8 + column);
        AssemblerRegisterYMM Lower(int column) => Ymm(8 + Size + column);

        for (var half = 0; half < Vectors; half++)
        {
            for (var column = 0; column < Size; column++)
            {
                Asm.vmovdqu(Upper(column), Sum(1, column, half));
                Asm.vpsubd(Lower(column), Upper(column), Sum(2, column, half));
                Asm.vpaddd(Upper(column), Upper(column), Sum(2, column, half));
                Asm.vpaddd(Upper(column), Upper(column), Sum(0, column, half));
                Asm.vpsubd(Lower(column), Lower(column), Sum(3, column, half));
            }
            Add(Upper, 0, half);
            Add(Lower, Outputs, half);
        }
    }

    // The two outputs of a row.
    private void Add(Func<int, AssemblerRegisterYMM> row, int firstPixel, int half)
    {
        Asm.vpaddd(row(0), row(0), row(1));
        Asm.vpaddd(row(0), row(0), row(2));
        Asm.vpsubd(row(1), row(1), row(2));
        Asm.vpsubd(row(1), row(1), row(3));
        for (var i = 0; i < Outputs; i++)
        {
            var accumulator = Ymm((firstPixel + i) * Vectors + half);
            Asm.vpsrad(row(i), row(i), ExtraBits);
            Asm.vpaddd(accumulator, accumulator, row(i));
        }
    }
}
