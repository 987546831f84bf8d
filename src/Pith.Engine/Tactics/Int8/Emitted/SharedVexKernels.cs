using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>CPUs without AVX-512 on weights of which V neighbouring output channels share a 2:4 pattern; see <see cref="ConvSharedVexEmitter"/>.</summary>
/// <param name="shared">V: 16, with AVX-VNNI also 8.</param>
/// <param name="hasVnni">AVX-VNNI; else AVX2.</param>
internal sealed unsafe class SharedVexKernels(int shared, bool hasVnni) : VexKernels
{
    public override string Name { get; } = $"shared{shared}-{(hasVnni ? "avxvnni" : "avx2")}";

    public override string WeightForm => $"{shared}:2:4";

    public override bool HasFullPanels => true;

    protected override double BlockPixels => 0.8;

    public override CpuFeatures Needs => hasVnni ? CpuFeatures.Avx2 | CpuFeatures.AvxVnni : CpuFeatures.Avx2;

    public override CpuFeatures SurpassedBy => hasVnni ? CpuFeatures.Avx512Vnni : CpuFeatures.Avx512Vnni | CpuFeatures.AvxVnni;

    public override string? Refuses(ContractionLayer layer) => SharedVnniKernels.Refuses(layer, shared, Operands(layer), SharedVexWeights.VectorBytes) ?? (Operands(layer).Reduction.RunBytes % SharedBlocks.LaneBytes != 0 ? "pixels are not a multiple of 16 bytes" : null);

    public override double BlockCycles(PixelBlock block, int vectors, ReductionShape reduction)
    {
        double bytes = reduction.Runs * reduction.RunBytes, units = bytes / (hasVnni ? 8 : 4), operations = (hasVnni ? 2 : 4) * block.Pixels;
        return units * Math.Max(operations, block.Pixels + 2) / 2 + bytes / 32 * block.Pixels + 6 * block.Pixels + 20;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => Weights(reduction).Bytes;

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed) => Weights(reduction).Pack(rows, rowBytes, packed);

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new ConvSharedVexEmitter(spec, shared, hasVnni);

    private SharedVexWeights Weights(ReductionShape reduction) => new(reduction, shared, IsWords: !hasVnni);
}
