using Pith.Ops;

namespace Pith.Onnx;

/// <summary>Ops on real numbers that ONNX Runtime's optimiser fuses, taken apart again.</summary>
internal static class FusedComposites
{
    /// <summary>Operands: x, w, bias, and a tensor that is added before the activation.</summary>
    public static Value[] Conv(CompositeContext context)
    {
        var conv = new Conv { Window = WindowAttributes.Read(context.Reader), Groups = context.Reader.Int32("group", 1) };
        var parameters = context.Reader.Floats("activation_params") ?? [];
        var y = context.Main(conv, context.Input(0), context.Input(1), context.Optional(2));
        if (context.Optional(3) is { } added) y = context.Add("add", new Add(), y, added);
        return [Activate(context, y, parameters)];
    }

    public static Value[] Gemm(CompositeContext context)
    {
        var reader = context.Reader;
        var gemm = new Gemm { Alpha = reader.Float("alpha", 1), Beta = reader.Float("beta", 1), TransA = reader.Flag("transA", false), TransB = reader.Flag("transB", false) };
        ValueList<float> parameters = reader.Has("activation_beta") ? [reader.Float("activation_alpha", 0), reader.Float("activation_beta", 0)] : reader.Has("activation_alpha") ? [reader.Float("activation_alpha", 0)] : [];
        reader.Ignore("activation_gamma");
        return [Activate(context, context.Main(gemm, context.Input(0), context.Input(1), context.Optional(2)), parameters)];
    }

    /// <summary>alpha times the product of the operands, or of their transposes.</summary>
    public static Value[] MatMul(CompositeContext context)
    {
        var reader = context.Reader;
        if (reader.Flag("transBatchA", false) || reader.Flag("transBatchB", false)) throw reader.Error("transBatchA and transBatchB are not supported; optimise the model at the level 'basic'");
        var (a, b) = (Transposed(context, "a", context.Input(0), reader.Flag("transA", false)), Transposed(context, "b", context.Input(1), reader.Flag("transB", false)));
        var product = context.Main(new MatMul(), a, b);
        var alpha = reader.Float("alpha", 1);
        return [alpha == 1 ? product : context.Add("alpha", new Mul(), product, Scalar(context, "alpha/value", alpha, product))];
    }

    public static Value[] FastGelu(CompositeContext context)
    {
        var x = context.Optional(1) is { } bias ? context.Add("bias", new Add(), context.Input(0), bias) : context.Input(0);
        return [context.Main(new Gelu(TanhApproximation: true), x)];
    }

    /// <summary>x * sigmoid(alpha * x).</summary>
    public static Value[] QuickGelu(CompositeContext context)
    {
        var (x, alpha) = (context.Input(0), context.Reader.Float("alpha", 1.702f));
        var scaled = alpha == 1 ? x : context.Add("scaled", new Mul(), x, Scalar(context, "alpha", alpha, x));
        return [context.Main(new Mul(), x, context.Add("sigmoid", new Sigmoid(), scaled))];
    }

    public static Value[] ChannelsLastMaxPool(CompositeContext context)
    {
        var pool = new MaxPool { Window = PoolingTypes.Read(context.Reader) };
        var x = QuantizedComposites.ChannelsFirst(context, context.Input(0), channelsLast: true);
        return [QuantizedComposites.ChannelsLast(context, context.Main(pool, x), channelsLast: true)];
    }

    /// <summary>Operands: x, what is added to it, scale, optional bias of the normalization, optional bias that is added first. Results: y, mean, 1 / deviation, the sum.</summary>
    public static Value[] SkipLayerNormalization(CompositeContext context)
    {
        var sum = SkipSum(context, bias: 4);
        var names = Enumerable.Range(0, Math.Min(3, context.Reader.OutputCount)).Select(i => $"{context.Reader.NodeName}:normalized{i}").ToArray();
        var normalized = context.MainNode(new LayerNormalization { Epsilon = context.Reader.Float("epsilon", 1e-12f) }, names, sum, context.Input(2), context.Optional(3));
        return [.. normalized.Outputs, .. Enumerable.Repeat(sum, context.Reader.OutputCount > 3 ? 1 : 0)];
    }

    /// <summary>Operands: x, what is added to it, scale, optional bias that is added first. Results: y, two that nobody computes, the sum.</summary>
    public static Value[] SkipSimplifiedLayerNormalization(CompositeContext context)
    {
        if (context.Reader.OutputCount is 2 or 3) throw context.Reader.Error("its mean and deviation are not supported");
        var sum = SkipSum(context, bias: 3);
        var y = RootMeanSquareNormalization(context, sum, -1, context.Reader.Float("epsilon", 1e-12f), context.Input(2));
        return [y, y, y, sum];
    }

    public static Value[] SimplifiedLayerNormalization(CompositeContext context)
    {
        if (context.Reader.OutputCount > 1) throw context.Reader.Error("its deviation is not supported as a result");
        context.Reader.Ignore("stash_type"); // the reference computes in double precision
        return [RootMeanSquareNormalization(context, context.Input(0), context.Reader.Int32("axis", -1), context.Reader.Float("epsilon", 1e-5f), context.Input(1))];
    }

    /// <summary>
    /// Operands: x [N, C, spatial...], scale, bias. An instance normalization of the groups as channels; scale and bias are per group before opset 21 and per channel since.
    /// </summary>
    public static Value[] GroupNormalization(CompositeContext context)
    {
        var reader = context.Reader;
        var (x, groups, epsilon) = (context.Input(0), reader.Int32("num_groups", 0), reader.Float("epsilon", 1e-5f));
        reader.Ignore("stash_type"); // the reference computes in double precision
        if (x.Type.Rank < 3 || x.Type[1] is not { IsFixed: true } channels || groups < 1 || channels.Size % groups != 0) throw reader.Error($"{x.Type} cannot be divided into {groups} groups of channels");
        var perGroup = reader.Opset < 21;
        var (one, zero) = (Tensor.Create(new Shape(groups), Enumerable.Repeat(1f, groups).ToArray()), Tensor.Zeros<float>(new Shape(groups)));
        var grouped = context.Add("grouped", new Reshape(), x, context.Constant("grouped/shape", Tensor.Vector<long>(0, groups, -1)));
        var scale = perGroup ? context.Input(1) : context.Constant("one", one.ConvertTo(x.Type.DataType));
        var bias = perGroup ? context.Input(2) : context.Constant("zero", zero.ConvertTo(x.Type.DataType));
        var normalized = context.Add("normalized", new InstanceNormalization { Epsilon = epsilon }, grouped, scale, bias);
        var shaped = context.Main(new Reshape(), normalized, context.Add("shape", new ShapeOf(), x));
        if (perGroup) return [shaped];
        ValueList<int> spatial = [.. Enumerable.Range(1, x.Type.Rank - 2)];
        var scaled = context.Add("scaled", new Mul(), shaped, context.Add("scale", new Unsqueeze(spatial), context.Input(1)));
        return [context.Add("shifted", new Add(), scaled, context.Add("bias", new Unsqueeze(spatial), context.Input(2)))];
    }

    // x / sqrt(mean(x * x) + epsilon) * scale over the axes from `axis` on. Zhang and Sennrich 2019.
    private static Value RootMeanSquareNormalization(CompositeContext context, Value x, int axis, float epsilon, Value scale)
    {
        var first = axis < 0 ? axis + x.Type.Rank : axis;
        if (first < 0 || first >= x.Type.Rank) throw context.Reader.Error($"axis {axis} is outside of the {x.Type.Rank} dimensions");
        var mean = context.Add("mean", new ReduceMean(Enumerable.Range(first, x.Type.Rank - first).ToValueList()), context.Add("square", new Mul(), x, x));
        var deviation = context.Add("deviation", new Sqrt(), context.Add("shifted", new Add(), mean, Scalar(context, "epsilon", epsilon, x)));
        return context.Main(new Mul(), context.Add("normalized", new Div(), x, deviation), scale);
    }

    private static Value SkipSum(CompositeContext context, int bias)
    {
        var sum = context.Add("skip", new Add(), context.Input(0), context.Input(1));
        return context.Optional(bias) is { } added ? context.Add("skip/bias", new Add(), sum, added) : sum;
    }

    private static Value Activate(CompositeContext context, Value y, ValueList<float> parameters)
    {
        float At(int index, float fallback) => index < parameters.Count ? parameters[index] : fallback;
        return context.Reader.Text("activation", "") switch
        {
            "" => y,
            "Relu" => context.Add("activation", new Relu(), y),
            "Sigmoid" => context.Add("activation", new Sigmoid(), y),
            "Tanh" => context.Add("activation", new Tanh(), y),
            "LeakyRelu" => context.Add("activation", new LeakyRelu(At(0, 0.01f)), y),
            "HardSigmoid" => context.Add("activation", new HardSigmoid(At(0, 0.2f), At(1, 0.5f)), y),
            "Clip" => context.Add("activation", new Clip(), y, Scalar(context, "lower", At(0, float.MinValue), y), Scalar(context, "upper", At(1, float.MaxValue), y)),
            var other => throw context.Reader.Error($"activation '{other}' is not supported; expected Relu, Sigmoid, Tanh, LeakyRelu, HardSigmoid or Clip"),
        };
    }

    private static Value Transposed(CompositeContext context, string part, Value matrices, bool transpose)
    {
        var rank = matrices.Type.Rank;
        return transpose && rank > 1 ? context.Add(part, new Transpose([.. Enumerable.Range(0, rank - 2), rank - 1, rank - 2]), matrices) : matrices;
    }

    private static Value Scalar(CompositeContext context, string part, float value, Value like) => context.Constant(part, Tensor.Scalar(value).ConvertTo(like.Type.DataType));
}
