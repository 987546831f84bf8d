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
        new("attention of one projection", JointAttention),
        new("gelu as ops", Gelu),
        new("layer normalization as ops", (s, x) => NetworkSketch.IsFloat(x) && x.Type.Rank >= 2 && x.Type[-1].IsFixed ? LayerNorm(s, x) : null),
        new("pixels as tokens", PixelTokens),
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

    private static Value? JointAttention(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || x.Type.Rank != 3 || !NetworkSketch.IsBatched(x) || x.Type[1].Size is < 1 or > 17 || x.Type[2].Size < 1) return null;
        var (tokens, width, heads, depth) = (x.Type[1].Size, x.Type[2].Size, s.Pick(1, 2, 3), s.Pick(3, 4, 8));
        var joint = s.Add(new MatMul(), x, s.Weight(new Shape(width, 3 * heads * depth), width));
        joint = s.Add(new Transpose([2, 0, 3, 1, 4]), s.Add(new Reshape(), joint, s.Integers(0, tokens, 3, heads, depth)));
        var parts = s.Chance(0.5)
            ? s.Graph.AddNode(new Split(0, 3, [1, 1, 1]), [joint]).Outputs.Select(part => s.Add(new Squeeze([0]), part)).ToArray()
            : [.. Enumerable.Range(0, 3).Select(part => s.Add(new Gather(0), joint, s.Constant(Tensor.Scalar((long)part))))];
        var (query, key) = (parts[0], s.Add(new Transpose([0, 1, 3, 2]), parts[1]));
        if (s.Chance(0.3)) query = s.Add(new Mul(), query, s.Scalar(0.5f));
        var scores = s.Add(new MatMul(), query, key);
        if (s.Chance(0.5)) scores = s.Add(new Mul(), scores, s.Scalar(0.25f));
        if (s.Chance(0.5)) scores = s.Add(new Add(), scores, s.Weight(s.Pick(new Shape(tokens, tokens), new Shape(1, 1, 1, tokens), new Shape(1, heads, tokens, tokens))));
        var mixed = s.Add(new Transpose([0, 2, 1, 3]), s.Add(new MatMul(), s.Add(new Softmax { Axis = -1 }, scores), parts[2]));
        return s.Add(new Reshape(), mixed, s.Integers(0, tokens, heads * depth));
    }

    private static Value? Gelu(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x)) return null;
        Value Half(Value value) => s.Add(new Mul(), value, s.Scalar(0.5f));
        var cube = s.Chance(0.5) ? s.Add(new Pow(), x, s.Scalar(3)) : s.Add(new Mul(), s.Add(new Mul(), x, x), x);
        var curve = s.Chance(0.5)
            ? s.Add(new Erf(), s.Add(new Div(), x, s.Scalar(1.4142135f)))
            : s.Add(new Tanh(), s.Add(new Mul(), s.Add(new Add(), x, s.Add(new Mul(), cube, s.Scalar(0.044715f))), s.Scalar(0.7978846f)));
        var sum = s.Add(new Add(), curve, s.Scalar(1));
        return s.Chance(0.5) ? Half(s.Add(new Mul(), x, sum)) : s.Add(new Mul(), Half(x), sum);
    }

    private static Value LayerNorm(NetworkSketch s, Value x)
    {
        var difference = s.Add(new Sub(), x, s.Add(new ReduceMean([-1], true), x));
        var square = s.Chance(0.5) ? s.Add(new Pow(), difference, s.Scalar(2)) : s.Add(new Mul(), difference, difference);
        var deviation = s.Add(new Sqrt(), s.Add(new Add(), s.Add(new ReduceMean([-1], true), square), s.Scalar(0.1f)));
        var y = s.Add(new Div(), difference, deviation);
        if (s.Chance(0.7)) y = s.Add(new Mul(), y, s.Weight(new Shape(x.Type[-1].Size)));
        return s.Chance(0.7) ? s.Add(new Add(), y, s.Weight(new Shape(x.Type[-1].Size))) : y;
    }

    // A matrix product on the channels of each pixel, with a factor and a residual.
    private static Value? PixelTokens(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x) || x.Type.Rank != 4 || x.Type[1].Size is < 1 or > 24) return null;
        var channels = x.Type[1].Size;
        var y = s.Add(new Transpose([0, 2, 3, 1]), Same(s, x, channels, depthwise: true) ?? x);
        y = s.Add(new Add(), s.Add(new MatMul(), y, s.Weight(new Shape(channels, channels), channels)), s.Weight(new Shape(channels)));
        y = s.Add(new Transpose([0, 3, 1, 2]), y);
        if (s.Chance(0.6)) y = s.Add(new Mul(), s.Weight(new Shape(channels, 1, 1)), y);
        return s.Chance(0.6) && y.Type == x.Type ? s.Add(new Add(), x, y) : y;
    }

    private static Value? Head(NetworkSketch s, Value x) => NetworkSketch.IsMap(x) ? MatrixMotifs.Gemm(s, s.Add(new Flatten(), s.Add(new GlobalAveragePool(), x))) : null;
}
