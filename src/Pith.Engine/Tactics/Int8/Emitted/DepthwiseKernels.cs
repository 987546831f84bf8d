using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>Convolution of each channel by itself with AVX-512 VNNI; see <see cref="DepthwiseEmitter"/>.</summary>
internal sealed unsafe class DepthwiseKernels : ConvKernelFamily
{
    public override string Name => "depthwise-avx512vnni";

    public override IReadOnlyList<int> PanelVectors => [DepthwiseEmitter.PanelVectors];

    public override CpuFeatures Needs => CpuFeatures.Avx512 | CpuFeatures.Avx512Vnni;

    // Code for larger windows would be long, and they are rare.
    public override string? Refuses(ContractionLayer layer) =>
        !layer.IsDepthwise ? "is for one channel per group"
        : !layer.Output.IsQuantized || layer.Residual is { IsQuantized: false } ? "reads and writes bytes only"
        : layer.Window.Taps > 64 ? "is for windows of up to 64 taps"
        : null;

    public override bool HasFullPanels => true;

    public override ConvOperands Operands(ContractionLayer layer) => new(layer, isDepthwise: true, DepthwiseEmitter.PanelVectors * PanelShape.Lanes);

    public override PixelBlock Block(PixelBlock image, int vectors, int temporaries) => image with { Rows = 1, Columns = EvenParts.Length(image.Columns, DepthwiseEmitter.LargestBlock) };

    // Interleaving takes up to eight instructions a column and group of rows, then four products for each tap.
    public override double BlockCycles(PixelBlock block, int vectors, ReductionShape reduction) =>
        DepthwiseEmitter.Groups(reduction.Rows) * ((block.Pixels + reduction.Columns) * 8 + block.Pixels * reduction.Columns * 4) / 2.0 + block.Pixels * 24 + 30;

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => (nint)DepthwiseEmitter.Groups(reduction.Rows) * reduction.Columns * DepthwiseEmitter.PanelVectors * 64;

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        var channels = ChannelOrder(panel);
        for (var group = 0; group < DepthwiseEmitter.Groups(reduction.Rows); group++)
            for (var column = 0; column < reduction.Columns; column++)
                for (var vector = 0; vector < DepthwiseEmitter.PanelVectors; vector++)
                    for (var i = 0; i < 64; i++, packed++)
                    {
                        var row = group * DepthwiseEmitter.RowGroup + i % DepthwiseEmitter.RowGroup;
                        if (row < reduction.Rows) *packed = rows[channels[vector * PanelShape.Lanes + i / DepthwiseEmitter.RowGroup] * rowBytes + row * reduction.Columns + column];
                    }
    }

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new DepthwiseEmitter(spec);
}
