using System.Runtime.CompilerServices;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>AVX-512 VNNI on any 2:4 weights, which memory holds compressed: faster where reading the weights takes longer than multiplying them. See <see cref="ConvCompressedVnniEmitter"/>.</summary>
internal sealed unsafe class CompressedVnniKernels : VnniKernels
{
    private const int QuadBytes = 4;

    public override string Name => "compressed-avx512vnni";

    public override string WeightForm => SparsityPattern.TwoOfFour.ToString();

    public override string? Refuses(ContractionLayer layer) =>
        layer.Int8!.Pattern(layer.Groups) is null ? "the weights are not 2:4"
        : Operands(layer).Reduction.RunBytes is var run && run % ConvCompressedVnniEmitter.StepBytes != 0 ? $"{run} input bytes next to each other are not a multiple of {ConvCompressedVnniEmitter.StepBytes}"
        : null;

    protected override int LargestBlock(PixelBlock image, int vectors, int temporaries) => ConvCompressedVnniEmitter.LargestBlock(vectors, temporaries);

    // A shuffle and a product in each cycle, the vectors' places, then the epilogue.
    public override double BlockCycles(PixelBlock block, int vectors, ReductionShape reduction)
    {
        double steps = reduction.Runs * (reduction.RunBytes / ConvCompressedVnniEmitter.StepBytes), products = block.Pixels * vectors;
        return steps * (products + vectors) + 6 * products + 30;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => ConvCompressedVnniEmitter.WeightBytes(panel, reduction);

    // Loops of a method that a loaded plan runs once: compiled well at once.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        var channels = ChannelOrder(panel);
        var vectors = ConvCompressedVnniEmitter.StepsTogether(reduction) * panel.Vectors;
        var end = (nint)reduction.Runs * reduction.RunBytes;
        for (nint at = 0; at < end;)
        {
            var places = packed;
            packed += ConvCompressedVnniEmitter.PlacesBytes(vectors);
            for (var vector = 0; vector < vectors; at += ConvCompressedVnniEmitter.StepBytes)
                for (var first = 0; first < channels.Length; first += PanelShape.Lanes, vector++)
                {
                    var (four, inFour) = Math.DivRem(vector, ConvCompressedVnniEmitter.PlacesTogether);
                    var (to, shift) = ((nint)places + four * 4 * PanelShape.Lanes, 2 * inFour);
                    for (var lane = 0; lane < PanelShape.Lanes; lane++, packed += 4, to += 4)
                    {
                        var quads = rows + channels[first + lane] * rowBytes + at;
                        Compress(*(uint*)quads, packed, (byte*)to, shift);
                        Compress(*(uint*)(quads + QuadBytes), packed + 2, (byte*)to + 2, shift);
                    }
                }
        }
    }

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new ConvCompressedVnniEmitter(spec);

    // Four weights, of which two are kept.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Compress(uint quad, byte* weights, byte* places, int shift)
    {
        var two = Quad24.PlacesOf(Quad24.NonZeros(quad));
        var (first, second) = (two & 3, two >> 2);
        (weights[0], weights[1]) = ((byte)(quad >> 8 * first), (byte)(quad >> 8 * second));
        places[0] |= (byte)(first << shift);
        places[1] |= (byte)(second << shift);
    }
}
