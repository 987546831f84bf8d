using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Pith.Kernels.Jit.KernelEmitter;

namespace Pith.Kernels.Jit;

/// <summary>
/// Products of 16-bit words for CPUs without VNNI: two channels of a pixel at a time are broadcast and multiplied with a panel's weights by VPMADDWD, whose sums of two are exact. (VPMADDUBSW on
/// bytes would saturate.) Sums of a pixel and half of the panel are register <c>pixel * halves + half</c>; the last four registers are overwritten.
/// </summary>
/// <param name="asm">The assembler.</param>
/// <param name="halves">Registers of a pixel: 1 or 2.</param>
internal sealed class WordProducts(Assembler asm, int halves)
{
    /// <summary>Channels of a pixel that are multiplied at once.</summary>
    public const int StepChannels = 2;

    /// <summary>Bytes of a pixel that are multiplied at once.</summary>
    public const int StepBytes = StepChannels * sizeof(short);

    /// <summary>Bytes of a panel's weights for a step, [16][2] words.</summary>
    public const int WeightStepBytes = 2 * VectorBytes;

    private const int VectorBytes = 32, FirstWeight = 12, PixelRegister = 14, ProductRegister = 15;

    /// <summary>Emits the products of some steps.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="pixels">At most <see cref="VexBlockEmitter.LargestBlock"/>.</param>
    /// <param name="input">Bytes from the first pixel to another.</param>
    /// <param name="pixel">Holds the address of the first pixel's words.</param>
    /// <param name="weight">Holds the address of the weights.</param>
    public void Emit(int steps, int pixels, Func<int, int> input, AssemblerRegister64 pixel, AssemblerRegister64 weight)
    {
        var words = Ymm(PixelRegister);
        for (var step = 0; step < steps; step++)
        {
            for (var half = 0; half < halves; half++) asm.vmovdqu(Ymm(FirstWeight + half), __ymmword_ptr[weight + (step * WeightStepBytes + half * VectorBytes)]);
            for (var p = 0; p < pixels; p++)
            {
                asm.vpbroadcastd(words, __dword_ptr[pixel + (input(p) + step * StepBytes)]);
                // The last product takes the pixel's place.
                int Product(int half) => half == halves - 1 ? PixelRegister : ProductRegister;
                for (var half = 0; half < halves; half++) asm.vpmaddwd(Ymm(Product(half)), words, Ymm(FirstWeight + half));
                for (var half = 0; half < halves; half++) asm.vpaddd(Ymm(p * halves + half), Ymm(p * halves + half), Ymm(Product(half)));
            }
        }
    }
}
