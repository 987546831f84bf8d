using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>Base of the convolution kernels for CPUs without AVX-512: the loops over a window.</summary>
internal abstract class ConvVexEmitter(ConvKernelSpec spec) : VexBlockEmitter(spec)
{
    // So many multiply instructions in a loop's body make its counting invisible; more only fill the instruction cache.
    private const int BodyInstructions = 48;

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

    protected override void Products()
    {
        var longest = Math.Max(1, BodyInstructions / Accumulators);
        new WindowLoop(Asm, Reduction, new WindowRegisters(Pixel, Weight, Row, Column, Step), StepBytes, WeightStepBytes, longest, Steps).Emit();
    }
}
