using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>AVX-512 VNNI on any 2:4 weights, which memory holds compressed: faster where reading the weights takes longer than multiplying them. See <see cref="ConvCompressedVnniEmitter"/>.</summary>
internal sealed unsafe class CompressedVnniKernels : VnniKernels
{
    public override string Name => "compressed-avx512vnni";

    public override string? Refuses(Device device) => device.HasAvx512Vbmi2 ? null : "needs AVX512-VBMI2";

    public override string? Refuses(ContractionLayer layer) => layer.Int8!.Pattern(layer.Groups) is null ? "the weights are not 2:4" : null;

    // Expanding a step's weights takes three cycles for each vector.
    public override double TileCycles(TilePattern tile, int vectors, ReductionShape reduction) =>
        base.TileCycles(tile, vectors, reduction) + 3.0 * vectors * reduction.Runs * (reduction.RunBytes / ConvVnniEmitter.StepBytes);

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) =>
        (nint)reduction.Runs * (reduction.RunBytes / ConvVnniEmitter.StepBytes) * panel.Vectors * (ConvCompressedVnniEmitter.MaskBytes + ConvCompressedVnniEmitter.KeptBytes);

    // [runs][chunks of a run]: [steps][V] masks, then [steps][V][32] weights.
    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        var channels = ChannelOrder(panel);
        var chunkSteps = ConvCompressedVnniEmitter.StepsTogether(reduction);
        var end = (nint)reduction.Runs * reduction.RunBytes;
        for (nint at = 0; at < end;)
        {
            var masks = (ulong*)packed;
            packed += chunkSteps * panel.Vectors * ConvCompressedVnniEmitter.MaskBytes;
            for (var step = 0; step < chunkSteps; step++, at += ConvVnniEmitter.StepBytes)
                for (var first = 0; first < channels.Length; first += PanelShape.Lanes)
                {
                    var mask = 0ul;
                    for (var lane = 0; lane < PanelShape.Lanes; lane++, packed += 2)
                    {
                        var quad = *(uint*)(rows + channels[first + lane] * rowBytes + at);
                        var kept = Quad24.Kept(quad);
                        mask |= (ulong)kept << 4 * lane;
                        (packed[0], packed[1]) = (Quad24.First(quad, kept), Quad24.Second(quad, kept));
                    }
                    *masks++ = mask;
                }
        }
    }

    public override byte[] Emit(ConvKernelSpec spec, Device device) => new ConvCompressedVnniEmitter(spec).Emit();
}
