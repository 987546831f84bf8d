using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernel <c>conv_winograd4_u8s8s32_6x16c2_avx2</c>: F(4x4, 3x3), 36 products for 16 outputs. G has denominators of up to 24; its rows are scaled to integers, each by a factor of its own that A' makes up
/// to 24. Results are too large by 24^2 = 2^6 * 9, or less where rows of A' have a common factor. Modulo 2^32 a multiple of 9 is divided by multiplying with the inverse; the six bits must be there.
/// </summary>
/// <remarks>
/// A row of B' has coefficients from -8 to 2 in sum, so that an element of B' d B is at most (8 * 8 + 2 * 2) * 255 = 17,340. The coefficients of a row of the scaled G are at most 7 in sum, so that a
/// weight is at most 7 * 7 * 128 = 6,272. Sums of the transforms in 16 bits may wrap on the way, not in the end.
/// </remarks>
internal sealed class ConvWinograd4Emitter(ConvKernelSpec spec) : ConvWinogradEmitter(spec)
{
    /// <summary>Rows and columns of a tile.</summary>
    public const int Outputs = 4;

    /// <summary>Bits by which results are too large before they are divided.</summary>
    public const int ExtraBits = 6;

    private const int InverseOfNine = 0x38E38E39;

    // Bits by which the outputs of a row are too large.
    private static readonly byte[] s_extraBits = [6, 5, 4, 4];

    // Where TransformSums leaves its results.
    private static readonly AssemblerRegisterYMM[] s_results = [Ymm(12), Ymm(13), Ymm(8), Ymm(11)];

    /// <summary>Rows of G times 12, 6, 6, 24, 24 and 3; A' has 2, 4, 4, 1, 1 and 8 in their columns.</summary>
    public static int[][] WeightTransform { get; } = [[3, 0, 0], [-1, -1, -1], [-1, 1, -1], [1, 2, 4], [1, -2, 4], [0, 0, 3]];

    protected override int Bands => Outputs;

    // Along columns, then along rows; between them in the memory of the results.
    protected override void TransformInput()
    {
        for (var column = 0; column < Size; column++)
        {
            for (var row = 0; row < Size; row++) Asm.vpmovzxbw(Ymm(row), Bytes(row, column));
            foreach (var (row, result) in TransformInputs()) Asm.vmovdqu(Transformed(row, column), Ymm(result));
        }
        for (var row = 0; row < Size; row++)
        {
            for (var column = 0; column < Size; column++) Asm.vmovdqu(Ymm(column), Transformed(row, column));
            foreach (var (column, result) in TransformInputs()) Asm.vmovdqu(Transformed(row, column), Ymm(result));
        }
    }

    // B' of registers 0 to 5, a to f: 4a - 5c + e; e - 4c + d - 4b and e - 4c - (d - 4b); e - c + 2 (d - b) and e - c - 2 (d - b); 4b - 5d + f. Returns where each of the six results is.
    private (int Index, int Register)[] TransformInputs()
    {
        var (a, b, c, d, e, f) = (Ymm(0), Ymm(1), Ymm(2), Ymm(3), Ymm(4), Ymm(5));
        var (difference, u, w, sum1, sum2, z, sum3, sum4) = (Ymm(6), Ymm(7), Ymm(8), Ymm(9), Ymm(10), Ymm(11), Ymm(12), Ymm(13));
        Asm.vpsubw(difference, e, c);
        Asm.vpsllw(u, c, 2);
        Asm.vpsubw(u, e, u);
        Asm.vpsllw(w, b, 2);
        Asm.vpsubw(w, d, w);
        Asm.vpaddw(sum1, u, w);
        Asm.vpsubw(sum2, u, w);
        Asm.vpsubw(z, d, b);
        Asm.vpaddw(z, z, z);
        Asm.vpaddw(sum3, difference, z);
        Asm.vpsubw(sum4, difference, z);
        // 4 (a - c) + (e - c)
        Asm.vpsubw(a, a, c);
        Asm.vpsllw(a, a, 2);
        Asm.vpaddw(a, a, difference);
        // f - d - 4 (d - b)
        Asm.vpsubw(f, f, d);
        Asm.vpaddw(z, z, z);
        Asm.vpsubw(f, f, z);
        return [(0, 0), (1, 9), (2, 10), (3, 12), (4, 13), (5, 5)];
    }

    // A' along columns, to the first four rows of the sums, all of them 24 times too large.
    protected override void OpenBlock()
    {
        base.OpenBlock();
        for (var half = 0; half < Vectors; half++)
            for (var column = 0; column < Size; column++)
            {
                TransformSums(row => Sum(row, column, half));
                Asm.vpaddd(s_results[1], s_results[1], s_results[1]);
                foreach (var row in (int[])[2, 3]) Asm.vpslld(s_results[row], s_results[row], 2);
                for (var row = 0; row < Outputs; row++) Asm.vmovdqu(Sum(row, column, half), s_results[row]);
            }
    }

    // A' along the row of a band.
    protected override void Products()
    {
        var inverse = Ymm(15);
        Asm.mov(eax, InverseOfNine);
        Asm.vmovd(Xmm(15), eax);
        Asm.vpbroadcastd(inverse, Xmm(15));
        for (var half = 0; half < Vectors; half++)
        {
            TransformSums(column => Sum(0, column, half));
            for (var column = 0; column < Outputs; column++)
            {
                var (accumulator, result) = (Ymm(column * Vectors + half), s_results[column]);
                Asm.vpmulld(result, result, inverse);
                Asm.vpsrad(result, result, s_extraBits[column]);
                Asm.vpaddd(accumulator, accumulator, result);
            }
        }
        Asm.add(Pixel, Size * SumBytes);
    }

    // Rows of A': 2 4 4 1 1 0, 0 4 -4 2 -2 0, 0 4 4 4 4 0, 0 4 -4 8 -8 8, the last three without their common factors of 2, 4 and 4. With p and d for sum and difference of the second and third
    // number, q and e for those of the next two: 2 (m0 + 2p) + q; 2d + e; p + q; 2 (e + m5) + d.
    private void TransformSums(Func<int, AssemblerMemoryOperand> m)
    {
        var (p, d, q, e) = (Ymm(8), Ymm(9), Ymm(10), Ymm(11));
        foreach (var (sum, difference, at) in new[] { (p, d, 1), (q, e, 3) })
        {
            Asm.vmovdqu(sum, m(at));
            Asm.vpsubd(difference, sum, m(at + 1));
            Asm.vpaddd(sum, sum, m(at + 1));
        }
        var (zeroth, first) = (s_results[0], s_results[1]);
        Asm.vpaddd(zeroth, p, p);
        Asm.vpaddd(zeroth, zeroth, m(0));
        Asm.vpaddd(zeroth, zeroth, zeroth);
        Asm.vpaddd(zeroth, zeroth, q);
        Asm.vpaddd(first, d, d);
        Asm.vpaddd(first, first, e);
        Asm.vpaddd(p, p, q);
        Asm.vpaddd(e, e, m(5));
        Asm.vpaddd(e, e, e);
        Asm.vpaddd(e, e, d);
    }
}
