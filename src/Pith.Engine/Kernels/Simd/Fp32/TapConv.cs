namespace Pith.Kernels.Simd;

/// <summary>
/// The taps of a convolution along one axis: tap i reads input row <c>o * Stride + Offset + i * Step</c> for output row o.
/// </summary>
internal struct TapAxis
{
    /// <summary>Input position of tap 0 for output 0; negative inside leading padding.</summary>
    public int Offset;

    /// <summary>Input positions between neighbouring taps (the dilation); at least 1.</summary>
    public int Step;

    /// <summary>Number of taps; may be 0, which makes every output the bare epilogue of zero.</summary>
    public int Count;

    /// <summary>Input positions between neighbouring outputs.</summary>
    public int Stride;

    /// <summary>First input position that outputs from <paramref name="output"/> on read.</summary>
    public readonly int First(int output) => output * Stride + Offset;

    /// <summary>Input positions that <paramref name="outputs"/> neighbouring outputs span.</summary>
    public readonly int Extent(int outputs) => Count == 0 ? 0 : (outputs - 1) * Stride + (Count - 1) * Step + 1;

    /// <summary>Whether <paramref name="outputs"/> outputs read nothing outside an axis of <paramref name="length"/> inputs.</summary>
    public readonly bool StaysInside(int outputs, int length) => Count == 0 || (Offset >= 0 && Offset + Extent(outputs) <= length);

    /// <summary>A single tap at the output's own position.</summary>
    public static TapAxis Pointwise => new() { Offset = 0, Step = 1, Count = 1, Stride = 1 };

    /// <summary>Whether output o reads input o and nothing else.</summary>
    public readonly bool IsPointwise => Offset == 0 && Count == 1 && Stride == 1;
}

/// <summary>
/// A dense multiply of packed weights with a grid of taps over a feature map: what forward convolution, its input gradient and
/// GEMM have in common. <c>Out[n, h, w, k] = epilogue(sum over taps, c of In[n, tap(h), tap(w), c] * Weights[tap, c, k])</c>.
/// </summary>
internal unsafe struct TapConv
{
    /// <summary>Input; its channels are those of all groups.</summary>
    public FeatureMap In;

    /// <summary>Output; its channels are those of all groups. Must not overlap the input.</summary>
    public FeatureMap Out;

    /// <summary>Added to the sums before the activation; the shape of <see cref="Out"/>, or absent.</summary>
    public FeatureMap Residual;

    /// <summary>Weights as <see cref="PanelPacking"/> lays them out, one block for each group.</summary>
    public float* Packed;

    /// <summary>Added to the sums; one for each output channel, or null.</summary>
    public float* Bias;

    /// <summary>Taps along H.</summary>
    public TapAxis H;

    /// <summary>Taps along W.</summary>
    public TapAxis W;

    /// <summary>Channel groups; divides the channels of both maps.</summary>
    public int Groups;

    /// <summary>Floats between the packed weights of neighbouring images; 0 when all images share them.</summary>
    public nint PackedImageStride;

    /// <summary>Applied last.</summary>
    public Activation Activation;

    /// <summary>Input channels of a group.</summary>
    public readonly int GroupIn => In.Channels / Groups;

    /// <summary>Output channels of a group.</summary>
    public readonly int GroupOut => Out.Channels / Groups;

    /// <summary>Whether each output channel reads the one input channel of the same number.</summary>
    public readonly bool IsDepthwise => Groups > 1 && In.Channels == Groups && Out.Channels == Groups;

    /// <summary>Products that are summed into one output.</summary>
    public readonly int Reduction => H.Count * W.Count * GroupIn;

    /// <summary>
    /// The same problem with all pixels in one row where every output reads one input pixel at its own position, so that tiles need not stop
    /// at row ends; otherwise the problem unchanged.
    /// </summary>
    public readonly TapConv FlattenedIfPointwise()
    {
        if (!H.IsPointwise || !W.IsPointwise || PackedImageStride != 0) return this;
        // Padding after the last row or column leaves no trace in the taps.
        if (In.Height != Out.Height || In.Width != Out.Width) return this;
        if (!In.IsUniform || !Out.IsUniform || (Residual.Data != null && !Residual.IsUniform)) return this;
        var flat = this;
        flat.In = In.Flatten();
        flat.Out = Out.Flatten();
        if (Residual.Data != null) flat.Residual = Residual.Flatten();
        return flat;
    }
}
