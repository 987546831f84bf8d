using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>Blocks of well-known networks.</summary>
internal static class BlockMotifs
{
    public static IReadOnlyList<Motif> All { get; } =
    [
        new("residual", Residual),
        new("inverted bottleneck", InvertedBottleneck),
        new("squeeze and excite", SqueezeExcite),
        new("dense block", (s, x) => Same(s, x, s.Channels(16)) is { } y ? s.Add(new Concat(1), x, s.Add(new Relu(), y)) : null),
        new("attention", Attention),
        new("head", Head),
    ];

    // A convolution that keeps height and width.
    private static Value? Same(NetworkSketch s, Value x, int channels, bool depthwise = false) =>
        ConvolutionMotifs.Conv(s, x, new ConvolutionMotifs.Form { Kernel = s.Pick(1, 3, 3), IsPlain = true, KeepsSize = true, OutChannels = channels, IsDepthwise = depthwise });

    private static Value? Residual(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x) || Same(s, x, x.Type[1].Size) is not { } y) return null;
        if (s.Chance(0.4)) y = NormalizationMotifs.BatchNorm(s, y)!;
        if (s.Chance(0.3)) y = s.Add(ElementwiseMotifs.Activation(s), y);
        var sum = s.Chance(0.5) ? s.Add(new Add(), x, y) : s.Add(new Add(), y, x);
        return s.Chance(0.6) ? s.Add(ElementwiseMotifs.Activation(s), sum) : sum;
    }

    private static Value? InvertedBottleneck(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x) || x.Type[1].Size > 24) return null;
        if (Same(s, x, x.Type[1].Size * 2) is not { } wide) return null;
        var active = s.Add(ElementwiseMotifs.Activation(s), wide);
        if (Same(s, active, wide.Type[1].Size, depthwise: true) is not { } deep) return null;
        return Same(s, s.Add(new HardSwish(), deep), x.Type[1].Size) is { } narrow ? s.Add(new Add(), x, narrow) : null;
    }

    private static Value? SqueezeExcite(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x) || x.Type.Rank != 4) return null;
        var channels = x.Type[1].Size;
        var pooled = s.Chance(0.5) ? s.Add(new GlobalAveragePool(), x) : s.Add(new ReduceMean([2, 3]), x);
        var squeezed = Same(s, pooled, Math.Max(1, channels / 4));
        var gate = squeezed is null ? null : Same(s, s.Add(new Relu(), squeezed), channels);
        return gate is null ? null : s.Add(new Mul(), x, s.Add(s.Pick<Op>(new Sigmoid(), new HardSigmoid()), gate));
    }

    private static Value? Attention(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || x.Type.Rank != 3 || !NetworkSketch.IsBatched(x) || x.Type[1].Size > 17) return null;
        var (tokens, width, heads) = (x.Type[1].Size, x.Type[2].Size, s.Pick(1, 2, 4));
        var depth = s.Pick(3, 4, 8);
        Value Projection() => s.Add(new Reshape(), s.Add(new Add(), s.Add(new MatMul(), x, s.Weight(new Shape(width, heads * depth), width)), s.Weight(new Shape(heads * depth))), s.Integers(0, tokens, heads, depth));
        var query = s.Add(new Transpose([0, 2, 1, 3]), Projection());
        var key = s.Add(new Transpose([0, 2, 3, 1]), Projection());
        var value = s.Add(new Transpose([0, 2, 1, 3]), Projection());
        var scores = s.Add(s.Chance(0.5) ? new Div() : new Mul(), s.Add(new MatMul(), query, key), s.Scalar(s.Pick(0.5f, 2f)));
        var mixed = s.Add(new Transpose([0, 2, 1, 3]), s.Add(new MatMul(), s.Add(new Softmax { Axis = -1 }, scores), value));
        var joined = s.Add(new Reshape(), mixed, s.Integers(0, tokens, heads * depth));
        var output = s.Add(new MatMul(), joined, s.Weight(new Shape(heads * depth, width), heads * depth));
        return s.Chance(0.6) ? s.Add(new Add(), x, output) : output;
    }

    private static Value? Head(NetworkSketch s, Value x) => NetworkSketch.IsMap(x) ? MatrixMotifs.Gemm(s, s.Add(new Flatten(), s.Add(new GlobalAveragePool(), x))) : null;
}
