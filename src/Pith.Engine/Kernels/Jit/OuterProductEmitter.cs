using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>What the code of <see cref="OuterProductEmitter"/> is told.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OuterProductArgs
{
    /// <summary>Where rows of A count from.</summary>
    public byte* A;

    /// <summary>The first column of the first row of B; all others follow without gaps.</summary>
    public byte* B;

    /// <summary>The sums, which are added to.</summary>
    public float* Sums;

    /// <summary>Bytes from <see cref="A"/> to each row's first column.</summary>
    public nint* Rows;

    /// <summary>At least 1.</summary>
    public nint RowCount;

    /// <summary>Columns of each row; at least 1.</summary>
    public nint Columns;
}

/// <summary>Everything that the code of <see cref="OuterProductEmitter"/> depends on.</summary>
/// <param name="Arithmetic">The product: of a column, or of two columns that lie together.</param>
/// <param name="Lines">Elements of A at each column, of four bytes, which follow each other.</param>
/// <param name="Vectors">Vectors of 16 elements of B at each column, 1 to 4.</param>
/// <param name="ColumnBytes">Bytes from column to column of A.</param>
/// <param name="SumBytes">Bytes from line to line of the sums.</param>
internal sealed record OuterProductSpec(FloatConvArithmetic Arithmetic, int Lines, int Vectors, int ColumnBytes, int SumBytes);

/// <summary>
/// Kernels <c>outer_f32f32f32_LxV16_avx512</c>: sums[line, v] += A[p, line] * B[p, v] over all columns p of all rows. With bfloat16 (<c>outer_bf16bf16f32_LxV16_avx512bf16</c>) each element is a pair, of two columns of the contraction. It is the contraction over pixels of weight gradients; some lines by all vectors stay in registers
/// while the pixels pass. Each sum is one chain of fused multiply-adds.
/// </summary>
internal sealed class OuterProductEmitter(OuterProductSpec spec) : KernelEmitter
{
    private const int Registers = 32, VectorBytes = PanelShape.Lanes * sizeof(float), Broadcasts = 2;

    private static readonly AssemblerRegister64 s_a = rbx, s_sums = r8, s_lines = rbp, s_row = r9, s_rowsLeft = r10, s_columnsLeft = rax, s_pixel = r12, s_weight = r13, s_args = rdi;

    /// <summary>The name that profiles show.</summary>
    public static string Name(OuterProductSpec spec) => $"outer_{spec.Arithmetic.Types}_{spec.Lines}x{spec.Vectors * PanelShape.Lanes}_{(spec.Arithmetic.OperandBytes == sizeof(float) ? "avx512" : "avx512bf16")}";

    protected override void Body()
    {
        var lines = EvenParts.Length(spec.Lines, (Registers - spec.Vectors - Broadcasts) / spec.Vectors);
        var (full, rest) = Math.DivRem(spec.Lines, lines);
        Load<OuterProductArgs>(s_args, (s_a, nameof(OuterProductArgs.A)), (s_sums, nameof(OuterProductArgs.Sums)));
        WindowLoop.Repeat(Asm, s_lines, full, () =>
        {
            Block(lines);
            Asm.add(s_a, lines * sizeof(float));
            Asm.add(s_sums, lines * spec.SumBytes);
        });
        if (rest > 0) Block(rest);
    }

    private void Block(int lines)
    {
        var count = lines * spec.Vectors;
        for (var i = 0; i < count; i++) Asm.vmovups(Zmm(i), SumAt(i));
        Load<OuterProductArgs>(s_args, (s_weight, nameof(OuterProductArgs.B)), (s_row, nameof(OuterProductArgs.Rows)), (s_rowsLeft, nameof(OuterProductArgs.RowCount)));
        var (row, column) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref row);
        Asm.mov(s_pixel, __qword_ptr[s_row]);
        Asm.add(s_pixel, s_a);
        Asm.mov(s_columnsLeft, Field<OuterProductArgs>(s_args, nameof(OuterProductArgs.Columns)));
        Asm.Label(ref column);
        Column(lines, count);
        Asm.add(s_pixel, spec.ColumnBytes);
        Asm.add(s_weight, spec.Vectors * VectorBytes);
        Asm.dec(s_columnsLeft);
        Asm.jne(column);
        Asm.add(s_row, sizeof(long));
        Asm.dec(s_rowsLeft);
        Asm.jne(row);
        for (var i = 0; i < count; i++) Asm.vmovups(SumAt(i), Zmm(i));
    }

    private AssemblerMemoryOperand SumAt(int index) => __zmmword_ptr[s_sums + (index / spec.Vectors * spec.SumBytes + index % spec.Vectors * VectorBytes)];

    private void Column(int lines, int count)
    {
        for (var v = 0; v < spec.Vectors; v++) Asm.vmovups(Zmm(count + v), __zmmword_ptr[s_weight + v * VectorBytes]);
        for (var line = 0; line < lines; line++)
        {
            if (spec.Vectors == 1)
            {
                spec.Arithmetic.MultiplyAdd(Asm, Zmm(line), Zmm(count), __dword_bcst[s_pixel + line * sizeof(float)]);
                continue;
            }
            var element = Zmm(count + spec.Vectors + line % Broadcasts);
            Asm.vbroadcastss(element, __dword_ptr[s_pixel + line * sizeof(float)]);
            for (var v = 0; v < spec.Vectors; v++) spec.Arithmetic.MultiplyAdd(Asm, Zmm(line * spec.Vectors + v), element, Zmm(count + v));
        }
    }
}
