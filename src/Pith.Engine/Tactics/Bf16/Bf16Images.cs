using Pith.Building;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>Copies of the images of a float layer that are rounded to bfloat16.</summary>
internal sealed unsafe class Bf16Images(ContractionLayer layer, ConvOperands operands, BuildResources resources) : PaddedImages(layer, operands)
{
    private readonly nint _kernel = resources.Kernel("copy_f32bf16_avx512bf16", nameof(Bf16CopyEmitter), () => new Bf16CopyEmitter().Emit());

    protected override void CopyPixels(byte* from, byte* to, int pixels)
    {
        var (count, channels, padded) = (pixels, Layer.Channels, Operands.PixelBytes / sizeof(ushort));
        // Pixels without gaps on either side are one long one.
        if (padded == channels && Operands.CopyStepColumns == 1) (count, channels, padded) = (1, pixels * channels, pixels * channels);
        var vectors = channels / PanelShape.Lanes;
        var args = new Bf16CopyArgs
        {
            From = from,
            To = to,
            Pixels = count,
            FromStride = Operands.CopyStepColumns * Layer.Channels * sizeof(float),
            ToStride = Operands.PixelBytes,
            Vectors = vectors,
            RestMask = (1L << (channels - vectors * PanelShape.Lanes)) - 1,
            PaddedRestMask = (1L << (padded - vectors * PanelShape.Lanes)) - 1,
        };
        ((delegate* unmanaged<Bf16CopyArgs*, void>)_kernel)(&args);
    }
}
