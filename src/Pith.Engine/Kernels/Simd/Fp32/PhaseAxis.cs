namespace Pith.Kernels.Simd;

/// <summary>One axis of a phase of a strided convolution's input gradient: the input positions <c>Phase + j * Stride</c>, which the same taps meet. For <c>j</c> these are a convolution of stride 1 over the gradient of the output.</summary>
/// <param name="Phase">The first position.</param>
/// <param name="Stride">The stride of the forward convolution.</param>
/// <param name="LastTap">The last tap that meets the positions; taps are met in descending order.</param>
/// <param name="TapStep">From one of them to the next.</param>
/// <param name="Taps">Where position <c>j</c> reads the gradient of the output; may be no taps.</param>
internal readonly record struct PhaseAxis(int Phase, int Stride, int LastTap, int TapStep, TapAxis Taps)
{
    // Output p meets input h through tap r where p * stride + r * dilation - pad = h.
    public static PhaseAxis Of(int phase, int stride, int dilation, int pad, int kernel)
    {
        var tapStep = stride / GreatestCommonDivisor(stride, dilation);
        var last = kernel - 1;
        while (last >= 0 && (phase + pad - last * dilation) % stride != 0) last--;
        var count = last < 0 ? 0 : last / tapStep + 1;
        var first = last < 0 ? 0 : (phase + pad - last * dilation) / stride;
        return new PhaseAxis(phase, stride, last, tapStep, new TapAxis { Offset = first, Step = tapStep * dilation / stride, Count = count, Stride = 1 });
    }

    /// <summary>Positions of the phase on an axis of this length.</summary>
    public int Positions(int length) => Phase < length ? EvenParts.Count(length - Phase, Stride) : 0;

    private static int GreatestCommonDivisor(int a, int b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
