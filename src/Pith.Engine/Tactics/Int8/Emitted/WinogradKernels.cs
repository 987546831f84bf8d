using System.Runtime.Intrinsics;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>3x3 convolution with fewer multiplications, for CPUs on which these are dear; see <see cref="ConvWinogradEmitter"/>.</summary>
/// <param name="outputs">Rows and columns of a tile.</param>
/// <param name="weightTransform">The rows of G as integers.</param>
/// <param name="extraBits">Bits by which sums are too large before they are divided.</param>
internal abstract unsafe class WinogradKernels(int outputs, int[][] weightTransform, int extraBits) : ConvKernelFamily
{
    private const int Window = ConvWinogradEmitter.Window, LargestByte = 255, LargestWeight = 128;

    // With fewer the transforms cost more than they save.
    private const int LeastChannels = 16;

    public override string Name { get; } = $"winograd{outputs}-avx2";

    public override IReadOnlyList<int> PanelVectors => [1];

    public override long ScratchBytes => ConvWinogradEmitter.ScratchBytes;

    public override bool OrdersBlocks => true;

    public override int LeastBlocks => 96 / Pixels;

    private int Positions => weightTransform.Length * weightTransform.Length;

    private int Pixels => outputs * outputs;

    private int LargestAccepted => int.MaxValue >> extraBits;

    /// <summary>Rough cycles for the transform of 16 channels of a tile.</summary>
    protected abstract double InputCycles { get; }

    public override CpuFeatures Needs => CpuFeatures.Avx2;

    // Which sum twice as many products at once, and bytes.
    public override CpuFeatures SurpassedBy => CpuFeatures.Avx512Vnni | CpuFeatures.AvxVnni;

    public override string? Refuses(ContractionLayer layer) => layer switch
    {
        { Window: not { KernelHeight: Window, KernelWidth: Window, StrideHeight: 1, StrideWidth: 1, DilationHeight: 1, DilationWidth: 1 } } or { Groups: not 1 } => "is for 3x3 windows of stride 1, without groups",
        { Channels: < LeastChannels } => $"has fewer than {LeastChannels} channels",
        _ when layer.OutputSize.Height < outputs || layer.OutputSize.Width < outputs => "results are smaller than a tile",
        _ when !ConvWinogradEmitter.FitsScratch(layer.Input.PixelBytes, outputs) => "transformed tiles do not fit its scratch memory",
        _ when LargestSum(layer.Int8!.Weights) > LargestAccepted => $"sums could leave {32 - extraBits} bits",
        _ => null,
    };

    // The largest magnitude of a sum of bytes times the weights of an output channel.
    private long LargestSum(Tensor<sbyte> weights)
    {
        var perChannel = weights.Shape.LengthOf(1, 4);
        var most = (long)perChannel * LargestWeight * LargestByte;
        // With few channels they are fine whatever the weights.
        if (most <= LargestAccepted) return most;
        var largest = 0;
        for (var k = 0; k < weights.Shape[0]; k++)
        {
            var (positive, negative) = (0, 0);
            foreach (var weight in weights.Data.AsSpan(k * perChannel, perChannel))
            {
                positive += Math.Max((int)weight, 0);
                negative -= Math.Min((int)weight, 0);
            }
            largest = Math.Max(largest, Math.Max(positive, negative));
        }
        return (long)largest * LargestByte;
    }

    public override PixelBlock Block(PixelBlock image, int vectors, int temporaries) => image with { Rows = outputs, Columns = outputs };

    // A product and a sum twice a cycle, hardly less; then sums to memory and back, and the epilogue.
    public override double BlockCycles(PixelBlock tile, int vectors, ReductionShape reduction) => Positions * Channels(reduction) / WordProducts.StepChannels * 1.15 + 25 * Pixels;

    public override double OpenBlockCycles(ReductionShape reduction) => Channels(reduction) / 16 * InputCycles;

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => (nint)Positions * Channels(reduction) * panel.Capacity * sizeof(short);

    // G g G' as [position][channels / 2][16][2]; eight channels at a time, which divides all layers'.
    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        var (order, steps) = (ChannelOrder(panel), Channels(reduction) / WordProducts.StepChannels);
        var transformed = stackalloc Vector128<short>[Positions];
        for (var step = 0; step < steps; step += Vector128<int>.Count)
            for (var i = 0; i < order.Length; i++)
            {
                Transform(rows + order[i] * rowBytes + step * WordProducts.StepChannels, Channels(reduction), transformed);
                for (var position = 0; position < Positions; position++)
                {
                    var to = (int*)packed + ((nint)position * steps + step) * order.Length + i;
                    for (var pair = 0; pair < Vector128<int>.Count; pair++) to[pair * order.Length] = transformed[position].AsInt32()[pair];
                }
            }
    }

    // G g G' of eight windows, whose taps lie some bytes apart.
    private void Transform(byte* g, int tapBytes, Vector128<short>* transformed)
    {
        var size = weightTransform.Length;
        var mixed = stackalloc Vector128<short>[Window];
        for (var row = 0; row < size; row++)
        {
            for (var column = 0; column < Window; column++)
            {
                mixed[column] = Vector128<short>.Zero;
                for (var tap = 0; tap < Window; tap++)
                    mixed[column] += Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)(g + (tap * Window + column) * tapBytes)).AsSByte()) * (short)weightTransform[row][tap];
            }
            for (var column = 0; column < size; column++)
            {
                var across = weightTransform[column];
                transformed[row * size + column] = mixed[0] * (short)across[0] + mixed[1] * (short)across[1] + mixed[2] * (short)across[2];
            }
        }
    }

    // Bytes of a pixel.
    private static int Channels(ReductionShape reduction) => reduction.RunBytes / Window;
}

/// <summary>Tiles of 2x2; see <see cref="ConvWinograd2Emitter"/>.</summary>
internal sealed class Winograd2Kernels() : WinogradKernels(ConvWinograd2Emitter.Outputs, ConvWinograd2Emitter.WeightTransform, ConvWinograd2Emitter.ExtraBits)
{
    protected override double InputCycles => 24;

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new ConvWinograd2Emitter(spec);
}

/// <summary>Tiles of 4x4, for images that these cover well; see <see cref="ConvWinograd4Emitter"/>.</summary>
internal sealed class Winograd4Kernels() : WinogradKernels(ConvWinograd4Emitter.Outputs, ConvWinograd4Emitter.WeightTransform, ConvWinograd4Emitter.ExtraBits)
{
    protected override double InputCycles => 110;

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new ConvWinograd4Emitter(spec);
}
