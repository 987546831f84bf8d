using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>Convolution of each channel by itself with AVX2, also where there is AVX-VNNI; see <see cref="DepthwiseVexEmitter"/>.</summary>
internal sealed unsafe class DepthwiseVexKernels : ConvKernelFamily
{
    public override string Name => "depthwise-avx2";

    public override IReadOnlyList<int> PanelVectors => [1];

    public override CpuFeatures Needs => CpuFeatures.Avx2;

    public override CpuFeatures SurpassedBy => CpuFeatures.Avx512Vnni;

    // Code for larger windows would be long, and they are rare.
    public override string? Refuses(ContractionLayer layer) =>
        !layer.IsDepthwise ? "is for one channel per group"
        : layer.Window.Taps > 64 ? "is for windows of up to 64 taps"
        : null;

    public override bool HasFullPanels => true;

    public override ConvOperands Operands(ContractionLayer layer) => new(layer, isDepthwise: true);

    public override PixelBlock Block(PixelBlock image, int vectors, int temporaries) => image with { Rows = 1, Columns = EvenParts.Length(image.Columns, VexBlockEmitter.LargestBlock) };

    // Interleaving takes up to six instructions a column and pair of rows, then two products and two sums for each tap; the epilogue runs beside.
    public override double BlockCycles(PixelBlock block, int vectors, ReductionShape reduction) =>
        DepthwiseVexEmitter.Groups(reduction.Rows) * ((block.Pixels + reduction.Columns) * 6 + block.Pixels * reduction.Columns * 4) / 3.5 + 2 * block.Pixels + 10;

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) =>
        (nint)DepthwiseVexEmitter.Groups(reduction.Rows) * reduction.Columns * panel.Capacity * DepthwiseVexEmitter.RowGroup * sizeof(short);

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        var channels = ChannelOrder(panel);
        var to = (short*)packed;
        for (var first = 0; first < reduction.Rows; first += DepthwiseVexEmitter.RowGroup)
            for (var column = 0; column < reduction.Columns; column++)
                foreach (var channel in channels)
                    for (var row = first; row < first + DepthwiseVexEmitter.RowGroup; row++, to++)
                        if (row < reduction.Rows) *to = (sbyte)rows[channel * rowBytes + row * reduction.Columns + column];
    }

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new DepthwiseVexEmitter(spec);
}
