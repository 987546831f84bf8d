using Iced.Intel;

namespace Pith.Kernels.Jit;

/// <summary>A reduction cut into blocks that one byte shuffle works on, for weights of which neighbouring channels share 2:4 patterns: a divisor of a run that is a multiple of 16 bytes, or a short run as a whole.</summary>
/// <param name="Reduction">What is summed over.</param>
/// <param name="VectorBytes">Bytes that a shuffle takes.</param>
internal readonly record struct SharedBlocks(ReductionShape Reduction, int VectorBytes)
{
    /// <summary>Bytes within which a shuffle moves bytes.</summary>
    public const int LaneBytes = 16;

    /// <summary>VPSHUFB makes a zero of it.</summary>
    public const byte Nothing = 0x80;

    /// <summary>Bytes of a block.</summary>
    public int Bytes => BytesOf(Reduction.RunBytes, VectorBytes);

    /// <summary>Blocks of all runs.</summary>
    public int Count => Reduction.Runs * (Reduction.RunBytes / Bytes);

    /// <summary>128-bit lanes of a block, the last of which may be partly empty.</summary>
    public int Lanes => (Bytes + LaneBytes - 1) / LaneBytes;

    /// <summary>Whether runs of this many bytes can be cut into blocks.</summary>
    public static bool Takes(int runBytes, int vectorBytes) => BytesOf(runBytes, vectorBytes) > 0;

    /// <summary>Bytes from a window's first byte to a block.</summary>
    public int Offset(int block)
    {
        var (run, inRun) = Math.DivRem(block, Reduction.RunBytes / Bytes);
        var (row, column) = Math.DivRem(run, Reduction.Columns);
        return row * Reduction.RowBytes + column * Reduction.ColumnBytes + inRun * Bytes;
    }

    /// <summary>Which two of the four bytes of a quad some channels keep: those that one of them needs, else any.</summary>
    /// <param name="quad">The quad of the first channel.</param>
    /// <param name="rowBytes">Bytes from channel to channel.</param>
    /// <param name="channels">Number of channels.</param>
    public static unsafe (int First, int Second) Kept(byte* quad, nint rowBytes, int channels)
    {
        uint union = 0;
        for (var channel = 0; channel < channels; channel++) union |= *(uint*)(quad + channel * rowBytes);
        var places = Quad24.PlacesOf(Quad24.NonZeros(union));
        return (places & 3, places >> 2);
    }

    /// <summary>Emits the products of all blocks, each of which is gathered while the one before is multiplied: two slots take turns.</summary>
    /// <param name="asm">The assembler.</param>
    /// <param name="counter">Counts rounds.</param>
    /// <param name="weight">Holds the address of the present block's record; moves on.</param>
    /// <param name="recordBytes">Bytes from record to record.</param>
    /// <param name="gather">Emits the gathering of the next block into a slot, whose record is that many after the current one.</param>
    /// <param name="multiply">Emits the products of a slot, whose record is that many after the current one.</param>
    public void EmitProducts(Assembler asm, AssemblerRegister64 counter, AssemblerRegister64 weight, int recordBytes, Action<int, int> gather, Action<int, int> multiply)
    {
        gather(0, 0);
        var rounds = (Count - 1) / 2;
        if (rounds > 0)
            WindowLoop.Repeat(asm, counter, rounds, () =>
            {
                for (var slot = 0; slot < 2; slot++)
                {
                    gather(1 - slot, slot + 1);
                    multiply(slot, slot);
                }
                asm.add(weight, 2 * recordBytes);
            });
        var left = Count - 2 * rounds;
        if (left == 2) gather(1, 1);
        for (var slot = 0; slot < left; slot++) multiply(slot, slot);
    }

    // 0 when there is none.
    private static int BytesOf(int runBytes, int vectorBytes)
    {
        if (runBytes <= vectorBytes) return runBytes;
        for (var bytes = vectorBytes; bytes > 0; bytes -= LaneBytes)
            if (runBytes % bytes == 0) return bytes;
        return 0;
    }
}
