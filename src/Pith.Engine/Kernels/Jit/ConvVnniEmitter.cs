using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernels <c>conv_u8s8s32_PxV16c4_avx512vnni</c> and <c>conv_bf16f32_PxV16c2_avx512bf16</c>: P pixels by V vectors of 16 output channels stay in registers while four input bytes of each pixel at a
/// time are broadcast and multiplied with the panel's weights, by VPDPBUSD or VDPBF16PS. Weights are packed as [runs][RunBytes / 4][V][16][4].
/// </summary>
internal class ConvVnniEmitter(ConvKernelSpec spec) : VectorTileEmitter(spec)
{
    /// <summary>Input bytes that one instruction multiplies for each channel.</summary>
    public const int StepBytes = 4;

    // So many multiply instructions in a loop's body make its counting invisible; more only fill the instruction cache.
    private const int BodyInstructions = 240;

    /// <summary>Holds the address of the weights of the next steps.</summary>
    protected static AssemblerRegister64 Weight => r13;

    /// <summary>Steps whose weights are packed together.</summary>
    protected virtual int ChunkSteps => 1;

    /// <summary>Bytes of the packed weights of so many steps.</summary>
    protected virtual int ChunkBytes => Vectors * VectorBytes;

    /// <summary>Whether a step's weights are loaded into registers, which follow the sums. With few pixels it costs nothing to read them once for each.</summary>
    protected virtual bool KeepsWeights => Pixels > 2;

    /// <summary>Multiply instructions of a step, and others that take about as long.</summary>
    protected virtual int StepInstructions => Accumulators;

    /// <summary>How far ahead weights are fetched into the first-level cache: about as far as the second level is away.</summary>
    protected virtual int FetchBytes => 2 << 10;

    /// <summary>The most pixels of a tile with so many vectors of channels and an epilogue that needs so many registers.</summary>
    public static int LargestTile(int vectors, int temporaries) => (Registers - Math.Max(vectors + 2, temporaries)) / vectors;

    protected override int PanelWeightBytes => Spec.Reduction.Runs * Spec.Reduction.RunBytes / (ChunkSteps * StepBytes) * ChunkBytes;

    protected override void Products()
    {
        Asm.mov(Weight, Weights);
        var longest = Math.Max(1, BodyInstructions / StepInstructions / ChunkSteps);
        new WindowLoop(Asm, Spec.Reduction, new WindowRegisters(Pixel, Weight, rbp, rax, rdi), ChunkSteps * StepBytes, ChunkBytes, longest, chunks => Steps(chunks * ChunkSteps)).Emit();
    }

    private void Steps(int count)
    {
        var firstPixel = Accumulators + (KeepsWeights ? Vectors : 0);
        var (fetched, fetchedAhead) = (0, 0);
        for (var step = 0; step < count; step++)
        {
            for (; fetched < (step + 1) * ChunkBytes / ChunkSteps; fetched += VectorBytes) Asm.prefetcht0(__byte_ptr[Weight + (fetched + FetchBytes)]);
            if (Spec.FetchSteps > 0 && step % Spec.FetchSteps == 0) Asm.prefetcht1(__byte_ptr[Next + fetchedAhead++ * VectorBytes]);
            if (KeepsWeights)
                for (var v = 0; v < Vectors; v++) LoadWeights(step, v, Accumulators + v);
            for (var p = 0; p < Pixels; p++)
            {
                var pixel = Zmm(firstPixel + (step * Pixels + p) % (Registers - firstPixel));
                Asm.vpbroadcastd(pixel, __dword_ptr[Pixel + (Spec.Tile.Input(p) + step * StepBytes)]);
                for (var v = 0; v < Vectors; v++)
                {
                    if (KeepsWeights) Spec.Arithmetic.MultiplyAdd(Asm, Zmm(p * Vectors + v), pixel, Zmm(Accumulators + v));
                    else Spec.Arithmetic.MultiplyAdd(Asm, Zmm(p * Vectors + v), pixel, WeightsOf(step, v));
                }
            }
        }
        if (fetchedAhead > 0) Asm.add(Next, fetchedAhead * VectorBytes);
    }

    /// <summary>Loads the weights of a vector of channels for a step into a register.</summary>
    protected virtual void LoadWeights(int step, int vector, int register) => Asm.vmovdqu64(Zmm(register), WeightsOf(step, vector));

    private AssemblerMemoryOperand WeightsOf(int step, int vector) => __zmmword_ptr[Weight + (step * Vectors + vector) * VectorBytes];
}
