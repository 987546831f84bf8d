using Iced.Intel;

namespace Pith.Kernels.Jit;

/// <summary>The general registers of a <see cref="WindowLoop"/>.</summary>
/// <param name="Pixel">Holds the address of the window's first byte; moves through the window.</param>
/// <param name="Weight">Holds the address of the weights; points after them at the end.</param>
/// <param name="Row">Counts rows.</param>
/// <param name="Column">Counts runs of a row.</param>
/// <param name="Step">Counts steps of a run.</param>
internal readonly record struct WindowRegisters(AssemblerRegister64 Pixel, AssemblerRegister64 Weight, AssemblerRegister64 Row, AssemblerRegister64 Column, AssemblerRegister64 Step);

/// <summary>Emits the three loops of a convolution kernel over its window: rows, runs of a row, steps of a run. No loop is emitted for a single iteration.</summary>
/// <param name="asm">The assembler.</param>
/// <param name="shape">What is looped over.</param>
/// <param name="registers">Addresses and counters.</param>
/// <param name="stepBytes">Bytes of a pixel that one step multiplies; divides a run.</param>
/// <param name="weightBytes">Bytes of the panel's weights for a step.</param>
/// <param name="longest">The most steps of a loop's body: more only fill the instruction cache.</param>
/// <param name="steps">Emits this many steps, with the addresses as they are.</param>
internal sealed class WindowLoop(Assembler asm, ReductionShape shape, WindowRegisters registers, int stepBytes, int weightBytes, int longest, Action<int> steps)
{
    /// <summary>Emits the loops; nothing for a window without taps.</summary>
    public void Emit()
    {
        if (shape.Runs > 0) Repeat(asm, registers.Row, shape.Rows, Row);
    }

    private void Row()
    {
        Repeat(asm, registers.Column, shape.Columns, () =>
        {
            var advanced = Run();
            var next = (shape.Columns > 1 ? shape.ColumnBytes : shape.Rows > 1 ? shape.RowBytes : advanced) - advanced;
            if (next != 0) asm.add(registers.Pixel, next);
        });
        if (shape.Columns > 1 && shape.Rows > 1) asm.add(registers.Pixel, shape.RowBytes - shape.Columns * shape.ColumnBytes);
    }

    // One run; returns by how much the pixel's address moved.
    private int Run()
    {
        var count = shape.RunBytes / stepBytes;
        var unrolled = Unrolled(count);
        var (rounds, rest) = Math.DivRem(count, unrolled);
        var moves = rounds > 1 || rest > 0;
        Repeat(asm, registers.Step, rounds, () =>
        {
            steps(unrolled);
            asm.add(registers.Weight, unrolled * weightBytes);
            if (moves) asm.add(registers.Pixel, unrolled * stepBytes);
        });
        if (rest > 0)
        {
            steps(rest);
            asm.add(registers.Weight, rest * weightBytes);
        }
        return moves ? rounds * unrolled * stepBytes : 0;
    }

    // The largest divisor that fits, unless all divisors are small.
    private int Unrolled(int count)
    {
        if (count <= longest) return count;
        for (var unrolled = longest; unrolled > longest / 2; unrolled--)
            if (count % unrolled == 0) return unrolled;
        return longest;
    }

    /// <summary>Emits a loop of this many rounds, or the body alone for one.</summary>
    public static void Repeat(Assembler asm, AssemblerRegister64 counter, int count, Action body)
    {
        if (count == 1)
        {
            body();
            return;
        }
        asm.mov(counter, count);
        var top = asm.CreateLabel();
        asm.Label(ref top);
        body();
        asm.dec(counter);
        asm.jne(top);
    }
}
