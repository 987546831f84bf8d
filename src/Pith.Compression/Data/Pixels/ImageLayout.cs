namespace Pith.Compression.Data;

/// <summary>How the samples of images lie in a network's input.</summary>
public enum ImageLayout
{
    /// <summary>[N, C, H, W]: plane after plane.</summary>
    Nchw,

    /// <summary>[N, H, W, C]: pixel after pixel, as cameras and decoders give them.</summary>
    Nhwc,
}
