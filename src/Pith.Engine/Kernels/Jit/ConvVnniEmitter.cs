using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernels <c>conv_u8s8s32_PxV16c4_avx512vnni</c>, <c>conv_bf16bf16f32_PxV16c2_avx512bf16</c> and <c>conv_f32f32f32_PxV16c1_avx512</c>: P pixels by V vectors of 16 output channels stay in registers while four input
/// bytes of each pixel at a time are broadcast and multiplied with the panel's weights, by VPDPBUSD, VDPBF16PS or VFMADD231PS. Weights are packed as [runs][RunBytes / 4][V][16][4].
/// </summary>
internal sealed class ConvVnniEmitter(ConvKernelSpec spec) : ZmmBlockEmitter(spec)
{
    /// <summary>Input bytes that one instruction multiplies for each channel.</summary>
    public const int StepBytes = 4;

    // So many multiply instructions in a loop's body make its counting invisible; more only fill the instruction cache.
    private const int BodyInstructions = 240;

    /// <summary>The most pixels of a block with this many vectors of channels and an epilogue that needs this many registers: beside the sums, registers hold weights and two pixels, or weights alone.</summary>
    public static int LargestBlock(int vectors, int temporaries, bool commutes = false) => (Registers - Math.Max(commutes && vectors == 1 ? 2 : vectors + 2, temporaries)) / vectors;

    protected override int PanelWeightBytes => Spec.Reduction.Runs * Spec.Reduction.RunBytes * Spec.Panel.Capacity;

    protected override void Products()
    {
        var longest = Math.Max(1, BodyInstructions / Accumulators);
        new WindowLoop(Asm, Spec.Reduction, new WindowRegisters(Pixel, Weight, Row, Column, Step), StepBytes, Vectors * VectorBytes, longest, Steps).Emit();
    }

    private void Steps(int count)
    {
        // With few pixels it costs nothing to read weights once for each.
        var keepsWeights = Pixels > 2;
        var firstPixel = Accumulators + (keepsWeights ? Vectors : 0);
        var fetched = 0;
        for (var step = 0; step < count; step++)
        {
            for (var v = 0; v < Vectors && Spec.FetchAhead > 0; v++) Asm.prefetcht0(__byte_ptr[Weight + ((step * Vectors + v) * VectorBytes + Spec.FetchAhead)]);
            if (Spec.FetchSteps > 0 && step % Spec.FetchSteps == 0) Asm.prefetcht1(__byte_ptr[Next + fetched++ * VectorBytes]);
            if (Vectors == 1 && Spec.Arithmetic.Commutes)
            {
                MultiplyInMemory(step);
                continue;
            }
            if (keepsWeights)
                for (var v = 0; v < Vectors; v++) Asm.vmovdqu64(Zmm(Accumulators + v), WeightAt(step, v));
            for (var p = 0; p < Pixels; p++)
            {
                var pixel = Zmm(firstPixel + (step * Pixels + p) % (Registers - firstPixel));
                Asm.vpbroadcastd(pixel, __dword_ptr[Pixel + (Block.Input(p) + step * StepBytes)]);
                for (var v = 0; v < Vectors; v++)
                {
                    if (keepsWeights) Spec.Arithmetic.MultiplyAdd(Asm, Zmm(p * Vectors + v), pixel, Zmm(Accumulators + v));
                    else Spec.Arithmetic.MultiplyAdd(Asm, Zmm(p * Vectors + v), pixel, WeightAt(step, v));
                }
            }
        }
        if (fetched > 0) Asm.add(Next, fetched * VectorBytes);
    }

    // With one vector every product takes its pixel from memory.
    private void MultiplyInMemory(int step)
    {
        var weights = Zmm(Accumulators + step % Math.Min(4, Registers - Accumulators));
        Asm.vmovdqu64(weights, WeightAt(step, 0));
        for (var p = 0; p < Pixels; p++) Spec.Arithmetic.MultiplyAdd(Asm, Zmm(p), weights, __dword_bcst[Pixel + (Block.Input(p) + step * StepBytes)]);
    }

    private AssemblerMemoryOperand WeightAt(int step, int vector) => __zmmword_ptr[Weight + (step * Vectors + vector) * 64];
}
