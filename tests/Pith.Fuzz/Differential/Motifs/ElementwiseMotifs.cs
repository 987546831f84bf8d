using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>Activations and arithmetic, element by element.</summary>
internal static class ElementwiseMotifs
{
    public static IReadOnlyList<Motif> All { get; } =
    [
        new("relu", (s, x) => NetworkSketch.IsFloat(x) ? s.Add(new Relu(), x) : null),
        new("activation", (s, x) => NetworkSketch.IsFloat(x) ? s.Add(Activation(s), x) : null),
        new("silu", (s, x) => NetworkSketch.IsFloat(x) ? s.Add(new Mul(), x, s.Add(new Sigmoid(), x)) : null),
        new("hard swish of parts", HardSwishOfParts),
        new("gelu of parts", GeluOfParts),
        new("clip", Clip),
        new("prelu", (s, x) => NetworkSketch.IsMap(x) ? s.Add(new PRelu(), x, s.Weight(new Shape([x.Type[1].Size, .. Enumerable.Repeat(1, x.Type.Rank - 2)]))) : null),
        new("rounding", (s, x) => NetworkSketch.IsFloat(x) ? s.Add(s.Pick<Op>(new Floor(), new Ceil(), new Round(), new Sign(), new Neg(), new Abs()), x) : null),
        new("arithmetic with a constant", WithConstant),
        new("affine per channel", (s, x) => PerChannel(s, x) is { } c ? s.Add(new Add(), s.Add(new Mul(), x, c), PerChannel(s, x)!) : null),
        new("arithmetic of two values", OfTwo),
        new("maximum of several", (s, x) => NetworkSketch.IsFloat(x) ? s.Add(s.Pick<Op>(new Max(), new Min(), new Sum(), new Mean()), [x, .. Enumerable.Range(0, s.Int(0, 2)).Select(_ => Partner(s, x))]) : null),
        new("power", (s, x) => NetworkSketch.IsFloat(x) ? s.Add(new Pow(), s.Add(new Abs(), x), s.Scalar(s.Pick(2f, 0.5f, 1f, 3f, 0f))) : null),
        new("where", Where),
        new("logic", Logic),
    ];

    private static readonly Func<NetworkSketch, Op>[] s_activations =
    [
        _ => new Relu(), _ => new Sigmoid(), _ => new Tanh(), _ => new HardSwish(), s => new HardSigmoid(s.Pick(0.2f, 1f / 6), 0.5f), s => new LeakyRelu(s.Pick(0.01f, 0.25f, 2f, -0.5f)),
        s => new Elu(s.Pick(1f, 0.5f)), _ => new Selu(), s => new Celu(s.Pick(1f, 2f)), _ => new Softplus(), _ => new Softsign(), _ => new Erf(), s => new Gelu(s.Chance(0.5)), _ => new Exp(), _ => new Abs(),
        _ => new Neg(), _ => new Reciprocal(), _ => new Sqrt(), _ => new Log(),
    ];

    /// <summary>Any function of one number, mostly well-behaved ones.</summary>
    public static Op Activation(NetworkSketch s) => s_activations[s.Int(0, s.Chance(0.8) ? 13 : s_activations.Length - 1)](s);

    /// <summary>A value of the type of <paramref name="x"/>, or x itself.</summary>
    public static Value Partner(NetworkSketch s, Value x)
    {
        var candidates = s.Values.Where(value => value.Type == x.Type).ToArray();
        return candidates.Length == 0 ? x : s.Pick<Value>(candidates);
    }

    private static Value? HardSwishOfParts(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x)) return null;
        var gate = s.Add(new Clip(), s.Add(new Add(), x, s.Scalar(3)), s.Scalar(0), s.Scalar(6));
        return s.Chance(0.5) ? s.Add(new Div(), s.Add(new Mul(), x, gate), s.Scalar(6)) : s.Add(new Mul(), x, s.Add(new Div(), gate, s.Scalar(6)));
    }

    private static Value? GeluOfParts(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x)) return null;
        var gate = s.Add(new Add(), s.Add(new Erf(), s.Add(new Div(), x, s.Scalar(1.4142135f))), s.Scalar(1));
        return s.Add(new Mul(), s.Add(new Mul(), x, gate), s.Scalar(0.5f));
    }

    private static Value? Clip(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x)) return null;
        var (low, high) = (s.Pick(0f, -1f, -0.5f), s.Pick(6f, 1f, 2.5f));
        return s.Int(0, 5) switch
        {
            0 => s.Add(new Clip(), x, s.Scalar(low)),
            1 => s.Add(new Clip(), x, null, s.Scalar(high)),
            2 => s.Add(new Clip(), x),
            _ => s.Add(new Clip(), x, s.Scalar(low), s.Scalar(high)),
        };
    }

    private static Value? PerChannel(NetworkSketch s, Value x) =>
        NetworkSketch.IsMap(x) ? s.Weight(s.Chance(0.7) ? new Shape([x.Type[1].Size, .. Enumerable.Repeat(1, x.Type.Rank - 2)]) : new Shape([1, x.Type[1].Size, .. Enumerable.Repeat(1, x.Type.Rank - 2)])) : null;

    private static Value? WithConstant(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x)) return null;
        var constant = (s.Chance(0.5) ? PerChannel(s, x) : null) ?? s.Int(0, 2) switch
        {
            0 => s.Scalar(s.Pick(0f, 1f, -1f, 0.5f, 3f, 0.1f)),
            1 when x.Type.Rank > 0 && x.Type[-1].IsFixed => s.Weight(new Shape(x.Type[-1].Size)),
            _ => s.Weight(new Shape(1)),
        };
        var op = s.Pick<Op>(new Add(), new Sub(), new Mul(), new Div());
        return s.Chance(0.5) ? s.Add(op, x, constant) : s.Add(op is Div ? new Mul() : op, constant, x);
    }

    private static Value? OfTwo(NetworkSketch s, Value x) =>
        NetworkSketch.IsFloat(x) ? s.Add(s.Pick<Op>(new Add(), new Add(), new Sub(), new Mul(), new Max(), new Min(), new Div()), x, Partner(s, x)) : null;

    private static Value? Where(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x)) return null;
        var condition = s.Add(s.Pick<Op>(new Greater(), new Less(), new GreaterOrEqual(), new LessOrEqual(), new Equal()), x, s.Chance(0.5) ? s.Scalar(0) : Partner(s, x));
        return s.Add(new Where(), condition, s.Chance(0.5) ? x : s.Scalar(1), s.Chance(0.5) ? Partner(s, x) : s.Scalar(-1));
    }

    private static Value? Logic(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x)) return null;
        var (positive, large) = (s.Add(new Greater(), x, s.Scalar(0)), s.Add(new Less(), x, s.Scalar(1)));
        var both = s.Add(s.Pick<Op>(new And(), new Or(), new Xor()), positive, s.Add(new Not(), large));
        return s.Add(new Cast(DataType.Float32), both);
    }
}
