using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernels <c>compressed_u8s8s32_PxV16c4_avx512vnni</c>: P pixels by V vectors of 16 output channels on 2:4 weights of which memory holds two of each four, and their places in two bits each: 62.5% of the bytes. Eight input bytes
/// of a pixel at a time are broadcast; VPSHUFB takes for each channel the four that its weights meet, and VPDPBUSD multiplies them. The cost in compute is about that of dense weights, for any mask.
/// </summary>
/// <remarks>
/// Weights are packed as [runs][chunks of a run], a chunk being <see cref="StepsTogether"/> steps of eight bytes: [steps * V / 4][64] bytes of places, then [steps][V][16][4] weights. Each byte of places belongs to one byte
/// of the weights in four vectors, two bits from the lowest on to each.
/// </remarks>
internal sealed class ConvCompressedVnniEmitter(ConvKernelSpec spec) : ZmmBlockEmitter(spec)
{
    /// <summary>Input bytes of a step.</summary>
    public const int StepBytes = 8;

    /// <summary>Vectors of weights whose places lie in the same bytes.</summary>
    public const int PlacesTogether = 4;

    // As in ConvVnniEmitter: makes the counting of a loop invisible.
    private const int BodyInstructions = 300;

    // Registers beside sums and places: places of four vectors, two constants, two pixels, and two that what belongs to the channels is shuffled into.
    private const int OtherRegisters = 7;

    // (a & b) | c for VPTERNLOG.
    private const byte AndOr = 0xEA;

    protected override int PanelWeightBytes => (int)WeightBytes(Spec.Panel, Spec.Reduction);

    private int ChunkSteps => StepsTogether(Spec.Reduction);

    private int ChunkBytes => ChunkPlacesBytes + ChunkSteps * Vectors * VectorBytes;

    private int ChunkPlacesBytes => PlacesBytes(ChunkSteps * Vectors);

    private int Places(int vector) => Accumulators + vector;

    private int FourPlaces => Accumulators + Vectors;

    private int PlaceBits => FourPlaces + 1;

    private int SecondQuad => FourPlaces + 2;

    /// <summary>The most pixels of a block with this many vectors of channels and an epilogue that needs this many registers.</summary>
    public static int LargestBlock(int vectors, int temporaries) => (Registers - Math.Max(vectors + OtherRegisters, temporaries)) / vectors;

    /// <summary>Steps of a chunk: the most of four, two and one that runs consist of.</summary>
    public static int StepsTogether(ReductionShape reduction) => (reduction.RunBytes / StepBytes) switch { var steps when steps % 4 == 0 => 4, var steps when steps % 2 == 0 => 2, _ => 1 };

    /// <summary>Bytes of the places of this many vectors of weights.</summary>
    public static int PlacesBytes(int vectors) => EvenParts.Count(vectors, PlacesTogether) * VectorBytes;

    /// <summary>Bytes of a panel's weights with their places.</summary>
    public static nint WeightBytes(PanelShape panel, ReductionShape reduction)
    {
        var steps = StepsTogether(reduction);
        return (nint)reduction.Runs * (reduction.RunBytes / StepBytes / steps) * (PlacesBytes(steps * panel.Vectors) + steps * panel.Vectors * VectorBytes);
    }

    protected override void Products()
    {
        // The second half of each four bytes is taken from the second quad.
        foreach (var (register, bytes) in (ReadOnlySpan<(int, int)>)[(PlaceBits, 0x03030303), (SecondQuad, 0x04040000)])
        {
            Asm.mov(eax, bytes);
            Asm.vpbroadcastd(Zmm(register), eax);
        }
        var longest = Math.Max(1, BodyInstructions / (2 * Accumulators + 2 * Vectors) / ChunkSteps);
        new WindowLoop(Asm, Spec.Reduction, new WindowRegisters(Pixel, Weight, Row, Column, Step), ChunkSteps * StepBytes, ChunkBytes, longest, Chunks).Emit();
    }

    private void Chunks(int count)
    {
        var (fetched, fetchedNext) = (0, 0);
        for (var step = 0; step < count * ChunkSteps; step++)
        {
            for (; fetched < (step + 1) * ChunkBytes / ChunkSteps; fetched += VectorBytes) Asm.prefetcht0(__byte_ptr[Weight + (fetched + Spec.FetchAhead)]);
            if (Spec.FetchSteps > 0 && step % Spec.FetchSteps == 0) Asm.prefetcht1(__byte_ptr[Next + fetchedNext++ * VectorBytes]);
            Multiply(step);
        }
        if (fetchedNext > 0) Asm.add(Next, fetchedNext * VectorBytes);
    }

    private void Multiply(int step)
    {
        var (chunk, inChunk) = Math.DivRem(step, ChunkSteps);
        var (places, weights) = (chunk * ChunkBytes, chunk * ChunkBytes + ChunkPlacesBytes + inChunk * Vectors * VectorBytes);
        for (var v = 0; v < Vectors; v++)
        {
            var (four, inFour) = Math.DivRem(inChunk * Vectors + v, PlacesTogether);
            if (inFour == 0) Asm.vmovdqu64(Zmm(FourPlaces), __zmmword_ptr[Weight + (places + four * VectorBytes)]);
            if (inFour == 0) Asm.vmovdqa64(Zmm(Places(v)), Zmm(FourPlaces));
            else Asm.vpsrld(Zmm(Places(v)), Zmm(FourPlaces), (byte)(2 * inFour));
            Asm.vpternlogd(Zmm(Places(v)), Zmm(PlaceBits), Zmm(SecondQuad), AndOr);
        }
        const int Pairs = 2;
        for (var p = 0; p < Pixels; p++)
        {
            var pixel = Zmm(SecondQuad + 1 + p % Pairs);
            Asm.vpbroadcastq(pixel, __qword_ptr[Pixel + (Block.Input(p) + step * StepBytes)]);
            for (var v = 0; v < Vectors; v++)
            {
                var met = Zmm(SecondQuad + 1 + Pairs + (p * Vectors + v) % Pairs);
                Asm.vpshufb(met, pixel, Zmm(Places(v)));
                Spec.Arithmetic.MultiplyAdd(Asm, Zmm(p * Vectors + v), met, __zmmword_ptr[Weight + (weights + v * VectorBytes)]);
            }
        }
    }
}
