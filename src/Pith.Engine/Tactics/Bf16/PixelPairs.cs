using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>Rounds pixels to bfloat16, two and two together, as products of weight gradients take them.</summary>
internal sealed unsafe class PixelPairs
{
    private readonly nint _code;
    private readonly ushort* _order;
    private readonly float* _zeros;

    /// <param name="channels">The most channels of a pixel.</param>
    /// <param name="resources">What the layer is built with.</param>
    public PixelPairs(int channels, BuildResources resources)
    {
        _code = resources.Kernel(PairCopyEmitter.Name, nameof(PairCopyEmitter), () => new PairCopyEmitter().Emit());
        _order = resources.Copy<ushort>(PairCopyEmitter.Order);
        _zeros = (float*)resources.Allocate(channels * sizeof(float));
    }

    /// <summary>Neighbours of a row become pairs; the last of an odd number gets a zero beside it.</summary>
    /// <param name="from">The first pixel.</param>
    /// <param name="pixels">Pixels of the row.</param>
    /// <param name="stride">Floats from pixel to pixel.</param>
    /// <param name="channels">Channels of a pixel.</param>
    /// <param name="to">Receives the pairs.</param>
    /// <param name="toStride">Bytes from pair to pair.</param>
    public void RunPixels(float* from, int pixels, nint stride, int channels, byte* to, nint toStride)
    {
        var pairs = pixels / 2;
        if (pairs > 0) Run(from, from + stride, pairs, channels, 2 * stride, to, toStride);
        if (pixels % 2 != 0) Run(from + 2 * pairs * stride, _zeros, 1, channels, 0, to + pairs * toStride, 0);
    }

    /// <summary>Pairs of the channels of two pixels, and of those that follow them at equal distances.</summary>
    /// <param name="first">The first of the first pair.</param>
    /// <param name="second">The second.</param>
    /// <param name="pixels">Pairs.</param>
    /// <param name="channels">Channels of a pixel.</param>
    /// <param name="stride">Floats from pair to pair of what is read.</param>
    /// <param name="to">Receives the pairs.</param>
    /// <param name="toStride">Bytes from pair to pair.</param>
    public void Run(float* first, float* second, int pixels, int channels, nint stride, byte* to, nint toStride)
    {
        var (vectors, rest) = Math.DivRem(channels, PanelShape.Lanes);
        var args = new PairCopyArgs { First = (byte*)first, Second = (byte*)second, To = to, Pixels = pixels, FromStride = stride * sizeof(float), ToStride = toStride, Vectors = vectors, RestMask = (1L << rest) - 1, Order = _order };
        ((delegate* unmanaged<PairCopyArgs*, void>)_code)(&args);
    }
}
