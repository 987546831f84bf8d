namespace Pith.Building;

/// <summary>
/// An 8-bit image as the caller gives it, through one table for each channel: what element-wise arithmetic, such as normalisation, makes of each of the 256 values. The result is
/// [N, C, H, W], channels-last, quantized or float.
/// </summary>
internal sealed class PixelTableLayer : Layer
{
    /// <summary>[C, 256]: what each byte of the image becomes, in the form in which the result is stored: bytes, or floats.</summary>
    public required Tensor Tables { get; init; }

    /// <summary>Whether the image is [N, H, W, C], the channels of a pixel together; else it is [N, C, H, W].</summary>
    public required bool IsInterleaved { get; init; }

    public Slot Input => Inputs[0]!;

    /// <summary>Bytes of the image from one pixel of a row to the next.</summary>
    public int PixelStride => IsInterleaved ? Output.Channels : 1;

    /// <summary>Bytes of the image from one channel of a pixel to the next.</summary>
    public nint ChannelStride => IsInterleaved ? 1 : (nint)Output.Height * Output.Width;

    /// <summary>Bytes of the image before the first element of a row.</summary>
    public nint RowOffset(nint image, nint row) => ((image * Output.Channels * Output.Height) + (IsInterleaved ? row * Output.Channels : row)) * Output.Width;

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Table, $"pixels {(IsInterleaved ? "nhwc" : "nchw")} {Output.Shape.At(maxBatch)}");
}
