using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>Base of the convolution kernels for CPUs without AVX-512: the loops over a window.</summary>
internal abstract class ConvVexEmitter(ConvKernelSpec spec) : VexTileEmitter(spec)
{
    // So many multiply instructions in a loop's body make its counting invisible; more only fill the instruction cache.
    private const int BodyInstructions = 48;

    private static readonly AssemblerRegister64 s_step = rdi;

    /// <summary>Bytes of a pixel that are multiplied at once.</summary>
    protected abstract int StepBytes { get; }

    /// <summary>Bytes of a panel's weights for a step.</summary>
    protected static int WeightStepBytes => 2 * VectorBytes;

    /// <summary>What the loops run over, as it lies in memory that they read.</summary>
    protected abstract ReductionShape Reduction { get; }

    protected override int PanelWeightBytes => Reduction.Runs * (Reduction.RunBytes / StepBytes) * WeightStepBytes;

    /// <summary>Emits the products of some steps with the addresses as they are.</summary>
    protected abstract void Steps(int count);

    protected static AssemblerMemoryOperand WeightAt(int step, int half) => __ymmword_ptr[Weight + (step * WeightStepBytes + half * VectorBytes)];

    // The three loops over a window: rows, runs of a row, steps of a run.
    protected override void Products()
    {
        var shape = Reduction;
        Loop(Row, shape.Rows, () =>
        {
            Loop(Column, shape.Columns, () =>
            {
                var advanced = Run();
                var next = shape.ColumnBytes - advanced;
                if (shape.Columns > 1 && next != 0) Asm.add(Pixel, next);
                else if (shape.Columns == 1 && shape.Rows > 1) Asm.add(Pixel, shape.RowBytes - advanced);
            });
            if (shape.Columns > 1 && shape.Rows > 1) Asm.add(Pixel, shape.RowBytes - shape.Columns * shape.ColumnBytes);
        });
    }

    // One run; returns by how much the pixel's address moved.
    private int Run()
    {
        var steps = Reduction.RunBytes / StepBytes;
        var unroll = Unroll(steps);
        var (loops, rest) = Math.DivRem(steps, unroll);
        var advanced = 0;
        Loop(s_step, loops, () =>
        {
            Steps(unroll);
            Asm.add(Weight, unroll * WeightStepBytes);
            if (loops > 1 || rest > 0) Asm.add(Pixel, unroll * StepBytes);
        });
        if (loops > 1 || rest > 0) advanced = loops * unroll * StepBytes;
        if (rest == 0) return advanced;
        Steps(rest);
        Asm.add(Weight, rest * WeightStepBytes);
        return advanced;
    }

    // The largest divisor that fits, unless all divisors are small.
    private int Unroll(int steps)
    {
        var most = Math.Max(1, BodyInstructions / Accumulators);
        if (steps <= most) return steps;
        for (var unroll = most; unroll > most / 2; unroll--)
            if (steps % unroll == 0) return unroll;
        return most;
    }
}
