using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>Batch, layer and other normalizations, softmax.</summary>
internal static class NormalizationMotifs
{
    public static IReadOnlyList<Motif> All { get; } =
    [
        new("batch norm", BatchNorm),
        new("conv and batch norm", (s, x) => ConvolutionMotifs.Conv(s, x) is { } y ? BatchNorm(s, y) : null),
        new("conv, batch norm, activation", (s, x) => ConvolutionMotifs.Conv(s, x) is { } y ? s.Add(ElementwiseMotifs.Activation(s), BatchNorm(s, y)!) : null),
        new("layer norm", LayerNorm),
        new("layer norm of parts", LayerNormOfParts),
        new("instance norm", (s, x) => NetworkSketch.IsMap(x) ? s.Add(new InstanceNormalization { Epsilon = 1e-3f }, x, s.Weight(new Shape(x.Type[1].Size)), s.Weight(new Shape(x.Type[1].Size))) : null),
        new("group norm", GroupNorm),
        new("local response", (s, x) => NetworkSketch.IsMap(x) && x.Type.Rank == 4 ? s.Add(new Lrn { Size = s.Int(1, 5) }, x) : null),
        new("softmax", (s, x) => IsRow(x) ? s.Add(new Softmax { Axis = Axis(s, x) }, x) : null),
        new("log softmax", (s, x) => IsRow(x) ? s.Add(new LogSoftmax { Axis = Axis(s, x) }, x) : null),
        new("old softmax", (s, x) => IsRow(x) ? s.Add(new Softmax { Axis = s.Int(1, x.Type.Rank - 1), FlattensTrailingAxes = true }, x) : null),
    ];

    private static bool IsRow(Value x) => NetworkSketch.IsFloat(x) && NetworkSketch.IsBatched(x);

    private static int Axis(NetworkSketch s, Value x) => s.Chance(0.5) ? -1 : s.Int(1, x.Type.Rank - 1);

    /// <summary>A batch norm with ordinary or odd parameters: gammas of 0, of either sign, tiny and large variances. In exact networks its factors are powers of two.</summary>
    public static Value? BatchNorm(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || x.Type.Rank < 2 || !x.Type[1].IsFixed) return null;
        var channels = x.Type[1].Size;
        var (gamma, variance) = (s.Weights(new Shape(channels)), Tensor.Zeros<float>(new Shape(channels)));
        var isExact = s.Numbers == NumberKind.Exact;
        foreach (ref var value in variance.Span) value = isExact ? MathF.Pow(4, s.Int(-1, 1)) : s.Chance(0.05) ? s.Pick(0f, 1e-7f, 1e4f) : 0.1f + s.Random.NextSingle();
        return s.Add(new BatchNormalization { Epsilon = isExact ? 0 : s.Pick(1e-5f, 1e-3f) }, x, s.Constant(gamma), s.Weight(new Shape(channels)), s.Weight(new Shape(channels)), s.Constant(variance));
    }

    // As exporters write it: an instance norm of groups, and the affine map after it.
    private static Value? GroupNorm(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x) || x.Type.Dims.Skip(1).Any(dim => !dim.IsFixed)) return null;
        var channels = x.Type[1].Size;
        var groups = s.Pick([.. Enumerable.Range(1, channels).Where(count => channels % count == 0)]);
        var grouped = s.Add(new Reshape(), x, s.Integers(0, groups, -1));
        var normalized = s.Add(new InstanceNormalization { Epsilon = 1e-3f }, grouped, s.Weight(new Shape(groups)), s.Weight(new Shape(groups)));
        var y = s.Add(new Reshape(), normalized, s.Integers([0, channels, .. x.Type.Dims.Skip(2).Select(dim => (long)dim.Size)]));
        Value Parameter() => s.Weight(new Shape([channels, .. Enumerable.Repeat(1, x.Type.Rank - 2)]));
        if (s.Chance(0.8)) y = s.Add(new Add(), s.Add(new Mul(), y, Parameter()), Parameter());
        return s.Chance(0.5) ? s.Add(ElementwiseMotifs.Activation(s), y) : y;
    }

    private static Value? LayerNorm(NetworkSketch s, Value x)
    {
        if (!IsRow(x) || x.Type[-1].Size < 2) return null;
        var axis = s.Int(1, x.Type.Rank - 1);
        var shape = new Shape([.. x.Type.Dims.Skip(axis).Select(dim => dim.Size)]);
        var op = new LayerNormalization { Axis = s.Chance(0.5) ? axis : axis - x.Type.Rank, Epsilon = 1e-3f };
        return s.Chance(0.5) ? s.Add(op, x, s.Weight(shape), s.Weight(shape)) : s.Add(op, x, s.Weight(shape));
    }

    private static Value? LayerNormOfParts(NetworkSketch s, Value x)
    {
        if (!IsRow(x) || x.Type[-1].Size < 2) return null;
        var centred = s.Add(new Sub(), x, s.Add(new ReduceMean([-1]), x));
        var squares = s.Chance(0.5) ? s.Add(new Mul(), centred, centred) : s.Add(new Pow(), centred, s.Scalar(2));
        return s.Add(new Div(), centred, s.Add(new Sqrt(), s.Add(new Add(), s.Add(new ReduceMean([-1]), squares), s.Scalar(1e-3f))));
    }
}
