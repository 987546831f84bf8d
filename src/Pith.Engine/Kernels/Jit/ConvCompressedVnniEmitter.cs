using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernels <c>compressed_u8s8s32_PxV16c4_avx512vnni</c>: those of <see cref="ConvVnniEmitter"/> on 2:4 weights of which memory holds two of each four, and their places as bits. A step's weights are expanded into registers
/// by VPEXPANDB (AVX-512 VBMI2) and used by all pixels of the tile: 40 bytes come from memory instead of 64.
/// </summary>
internal sealed class ConvCompressedVnniEmitter(ConvKernelSpec spec) : ConvVnniEmitter(spec)
{
    /// <summary>Bytes of the mask of a vector's weights for one step: a bit for each of the 64.</summary>
    public const int MaskBytes = sizeof(ulong);

    /// <summary>Bytes of the weights themselves: half of 64.</summary>
    public const int KeptBytes = 32;

    // Instructions of an expansion, two of which keep the unit for permutations busy for two cycles.
    private const int ExpandInstructions = 4;

    // The epilogue has the first three.
    private static readonly AssemblerRegisterK[] s_masks = [k4, k5, k6, k7];

    protected override int ChunkSteps => StepsTogether(Spec.Reduction);

    protected override int ChunkBytes => ChunkSteps * Vectors * (MaskBytes + KeptBytes);

    protected override bool KeepsWeights => true;

    protected override int StepInstructions => Accumulators + ExpandInstructions * Vectors;

    /// <summary>
    /// Steps that are packed together, [steps][V] masks before [steps][V] weights: four where runs allow it, so that no load of 32 bytes crosses a cache line.
    /// </summary>
    public static int StepsTogether(ReductionShape reduction) => reduction.RunBytes / StepBytes % 4 == 0 ? 4 : reduction.RunBytes / StepBytes % 2 == 0 ? 2 : 1;

    protected override void LoadWeights(int step, int vector, int register)
    {
        var (chunk, inChunk) = Math.DivRem(step, ChunkSteps);
        var (at, index) = (chunk * ChunkBytes, inChunk * Vectors + vector);
        var mask = s_masks[(step * Vectors + vector) % s_masks.Length];
        Asm.kmovq(mask, __qword_ptr[Weight + (at + index * MaskBytes)]);
        Asm.vmovdqu32(Ymm(register), __ymmword_ptr[Weight + (at + ChunkSteps * Vectors * MaskBytes + index * KeptBytes)]);
        Asm.vpexpandb(Masked(Zmm(register), mask).z, Zmm(register));
    }

    private static AssemblerRegisterZMM Masked(AssemblerRegisterZMM register, AssemblerRegisterK mask) =>
        mask == k4 ? register.k4 : mask == k5 ? register.k5 : mask == k6 ? register.k6 : register.k7;
}
