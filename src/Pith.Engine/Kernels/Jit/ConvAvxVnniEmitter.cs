using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernel <c>conv_u8s8s32_6x16c4_avxvnni</c>: four input bytes of each pixel at a time are broadcast and multiplied with the panel's weights by VPDPBUSD in its VEX form. Weights are packed as
/// [runs][RunBytes / 4][16][4].
/// </summary>
internal sealed class ConvAvxVnniEmitter(ConvKernelSpec spec) : ConvVexEmitter(spec)
{
    private const int FirstWeight = 12, FirstPixel = 14;

    protected override int StepBytes => ConvVnniEmitter.StepBytes;

    protected override ReductionShape Reduction => Spec.Reduction;

    protected override void Steps(int count)
    {
        for (var step = 0; step < count; step++)
        {
            for (var half = 0; half < Vectors; half++) Asm.vmovdqu(Ymm(FirstWeight + half), WeightAt(step, half));
            for (var p = 0; p < Spec.Block.Pixels; p++)
            {
                var pixel = Ymm(FirstPixel + p % 2);
                Asm.vpbroadcastd(pixel, __dword_ptr[Pixel + (Spec.Block.Input(p) + step * StepBytes)]);
                for (var half = 0; half < Vectors; half++) Asm.vex.vpdpbusd(Ymm(p * Vectors + half), pixel, Ymm(FirstWeight + half));
            }
        }
    }
}
