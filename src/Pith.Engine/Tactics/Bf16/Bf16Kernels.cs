using Iced.Intel;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>Products of bfloat16 in AVX-512 registers: the kernels of <see cref="VnniKernels"/> with VDPBF16PS.</summary>
internal sealed class Bf16VectorKernels : VnniKernels
{
    private static readonly PeakLoop s_peak = PeakEmitter.Loop("bfloat16", new Bf16ConvArithmetic(default), null);

    public override string Name => "avx512bf16";

    public override PeakLoop? PeakLoop => s_peak;

    public override CpuFeatures Needs => CpuFeatures.Avx512 | CpuFeatures.Avx512Bf16;

    public override ConvOperands Operands(ContractionLayer layer) => ConvOperands.OfBf16(layer, ConvVnniEmitter.StepBytes);

    protected override int LargestBlock(PixelBlock image, int vectors, int temporaries) => ConvVnniEmitter.LargestBlock(vectors, temporaries, commutes: true);
}

/// <summary>Products of bfloat16 in AMX tiles: the kernels of <see cref="AmxKernels"/> with TDPBF16PS. Their input is rounded in AVX-512 registers.</summary>
/// <param name="tiles">Makes the AMX instructions for an assembler.</param>
internal sealed class Bf16TileKernels(Func<Assembler, TileUnit> tiles) : AmxKernels(tiles)
{
    private static readonly PeakLoop s_peak = PeakEmitter.Loop("bfloat16", new Bf16ConvArithmetic(default), TileUnit.Native);

    public override string Name => "amxbf16";

    public override PeakLoop? PeakLoop => HasCpuTiles ? s_peak : null;

    public override CpuFeatures Needs => CpuFeatures.Avx512 | CpuFeatures.Avx512Bf16 | CpuFeatures.AmxBf16;

    public override ConvOperands Operands(ContractionLayer layer) => ConvOperands.OfBf16(layer, ConvAmxEmitter.ChunkBytes);
}
