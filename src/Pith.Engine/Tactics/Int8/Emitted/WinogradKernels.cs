using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>3x3 convolution with fewer multiplications, for CPUs on which these are dear; see <see cref="ConvWinogradEmitter"/>.</summary>
internal sealed unsafe class WinogradKernels : ConvKernelFamily
{
    private const int Window = 3;

    // With fewer the transforms cost more than they save.
    private const int LeastChannels = 16;

    // Rows of 2G.
    private static readonly int[][] s_twiceG = [[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]];

    public override string Name => "winograd-avx2";

    public override long ScratchBytes => ConvWinogradEmitter.ScratchBytes;

    public override bool OrdersTiles => true;

    public override int LeastTiles => 24;

    public override string? Refuses(Device device) =>
        device.Isa >= IsaLevel.Avx512Vnni ? "is for CPUs without AVX-512" : Int8Conv.HasVnni(device) ? "AVX-VNNI sums twice as many products at once, and bytes" : null;

    public override string? Refuses(ContractionLayer layer) => layer switch
    {
        { Window: not { KernelHeight: Window, KernelWidth: Window, StrideHeight: 1, StrideWidth: 1, DilationHeight: 1, DilationWidth: 1 } } or { Groups: not 1 } => "is for 3x3 windows of stride 1, without groups",
        { OutputSize: { Height: < ConvWinogradEmitter.Outputs } or { Width: < ConvWinogradEmitter.Outputs } } => "results are smaller than a tile",
        { Channels: < LeastChannels } => $"has fewer than {LeastChannels} channels",
        { Channels: > ConvWinogradEmitter.MostChannels } => "sums could leave 32 bits",
        _ => null,
    };

    public override TilePattern Tile(TilePattern image, int vectors, EpilogueSpec epilogue) => image with { Rows = ConvWinogradEmitter.Outputs, Columns = ConvWinogradEmitter.Outputs };

    // A product and a sum twice a cycle, hardly less; then sums to memory and back, and the epilogue.
    public override double TileCycles(TilePattern tile, int vectors, ReductionShape reduction) => ConvWinogradEmitter.Positions * Channels(reduction) / WordProducts.StepChannels * 1.15 + 100;

    // Loads, sums and stores of 16 channels at a time.
    public override double OpenTileCycles(ReductionShape reduction) => Channels(reduction) / 16 * 24;

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => (nint)ConvWinogradEmitter.Positions * Channels(reduction) * panel.Capacity * sizeof(short);

    // 2G g 2G' as [position][channels / 2][16][2].
    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        var (order, channels) = (ChannelOrder(panel), Channels(reduction));
        var to = (short*)packed;
        for (var position = 0; position < ConvWinogradEmitter.Positions; position++)
        {
            var (down, across) = (s_twiceG[position / ConvWinogradEmitter.Size], s_twiceG[position % ConvWinogradEmitter.Size]);
            for (var at = 0; at < channels; at += WordProducts.StepChannels)
                foreach (var channel in order)
                    for (var i = 0; i < WordProducts.StepChannels; i++)
                    {
                        var g = (sbyte*)rows + channel * rowBytes + at + i;
                        var sum = 0;
                        for (var row = 0; row < Window; row++)
                            for (var column = 0; column < Window; column++) sum += down[row] * across[column] * g[(row * Window + column) * channels];
                        *to++ = (short)sum;
                    }
        }
    }

    public override byte[] Emit(ConvKernelSpec spec, Device device) => new ConvWinogradEmitter(spec).Emit();

    // Bytes of a pixel.
    private static int Channels(ReductionShape reduction) => reduction.RunBytes / Window;
}
