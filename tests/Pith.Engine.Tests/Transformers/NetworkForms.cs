using Pith.Ops;

namespace Pith.EngineTests.Transformers;

/// <summary>The blocks of transformers, ConvNeXt and ShuffleNet as exporters write them, with random weights.</summary>
internal sealed class NetworkForms(int seed)
{
    private readonly Random _random = new(seed);

    public Graph Graph { get; } = new("forms");

    public Value Input(params ReadOnlySpan<int> sizes) => Graph.AddInput("x", TensorType.Float32([Dim.Named("N"), .. sizes.ToArray().Select(Dim.Of)]));

    public Value Constant(float value) => Graph.AddConstant("c", Tensor.Scalar(value));

    public Value Integers(params ReadOnlySpan<long> values) => Graph.AddConstant("i", Tensor.Vector(values));

    public Value Weight(params ReadOnlySpan<int> sizes)
    {
        var tensor = Tensor.Zeros<float>(new Shape(sizes.ToArray()));
        foreach (ref var value in tensor.Span) value = _random.NextSingle() - 0.5f;
        return Graph.AddConstant("w", tensor);
    }

    public Value Linear(Value x, int inputs, int outputs) => Graph.Add(new Add(), Weight(outputs), Graph.Add(new MatMul(), x, Weight(inputs, outputs)));

    /// <summary>x through QuantizeLinear and DequantizeLinear.</summary>
    public Value Quantized(Value x, float amax, bool isUnsigned = false)
    {
        var scale = Constant(amax / (isUnsigned ? 255 : 127));
        var zero = Graph.AddConstant("zero", isUnsigned ? Tensor.Scalar((byte)0) : Tensor.Scalar((sbyte)0));
        return Graph.Add(new DequantizeLinear(), Graph.Add(new QuantizeLinear { OutputType = isUnsigned ? DataType.UInt8 : DataType.Int8 }, x, scale, zero), scale, zero);
    }

    /// <summary>x/2 (1 + erf(x / sqrt 2)) or its tanh form, in one of several orders.</summary>
    public Value Gelu(Value x, string form)
    {
        Value Plus1(Value value) => Graph.Add(new Add(), value, Constant(1));
        Value Half(Value value) => Graph.Add(new Mul(), value, Constant(0.5f));
        Value Erf(Value value) => Plus1(Graph.Add(new Erf(), value));
        Value Root2(Value value) => Graph.Add(new Div(), value, Constant(1.4142135f));
        Value Cubed(Value value) => form.Contains("pow") ? Graph.Add(new Pow(), value, Constant(3)) : Graph.Add(new Mul(), value, Graph.Add(new Mul(), value, value));
        Value Inner(Value value) => Graph.Add(new Mul(), Graph.Add(new Add(), value, Graph.Add(new Mul(), Cubed(value), Constant(0.044715f))), Constant(0.7978846f));
        return form switch
        {
            "erf" => Half(Graph.Add(new Mul(), x, Erf(Root2(x)))),
            "erf, half of x" => Graph.Add(new Mul(), Half(x), Erf(Graph.Add(new Mul(), x, Constant(0.70710678f)))),
            "erf, half of the sum" => Graph.Add(new Mul(), Half(Erf(Root2(x))), x),
            _ => Half(Graph.Add(new Mul(), x, Plus1(Graph.Add(new Tanh(), Inner(x))))),
        };
    }

    public Value LayerNorm(Value x, int channels)
    {
        var difference = Graph.Add(new Sub(), x, Graph.Add(new ReduceMean([-1], true), x));
        var variance = Graph.Add(new ReduceMean([-1], true), Graph.Add(new Pow(), difference, Constant(2)));
        var normalized = Graph.Add(new Div(), difference, Graph.Add(new Sqrt(), Graph.Add(new Add(), variance, Constant(1e-5f))));
        return Graph.Add(new Add(), Graph.Add(new Mul(), normalized, Weight(channels)), Weight(channels));
    }

    /// <summary>Attention of [N, tokens, heads * width].</summary>
    public Value Attention(Value x, int tokens, int heads, int width, string form, bool isQuantized)
    {
        var channels = heads * width;
        Value Q8(Value value, float amax, bool isUnsigned = false) => isQuantized ? Quantized(value, amax, isUnsigned) : value;
        var qkv = Graph.Add(new Transpose([2, 0, 3, 1, 4]), Graph.Add(new Reshape(), Linear(x, channels, 3 * channels), Integers(0, tokens, 3, heads, width)));
        var parts = form.Contains("split")
            ? Graph.AddNode(new Split(0, 3, [1, 1, 1]), [qkv], "split").Outputs.Select(part => Graph.Add(new Squeeze([0]), part)).ToArray()
            : [.. Enumerable.Range(0, 3).Select(i => Graph.Add(new Gather(0), qkv, Graph.AddConstant("index", Tensor.Scalar((long)i))))];
        var (q, k) = (parts[0], Graph.Add(new Transpose([0, 1, 3, 2]), parts[1]));
        if (form.Contains("both")) (q, k) = (Graph.Add(new Mul(), q, Constant(0.6f)), Graph.Add(new Mul(), k, Constant(0.6f)));
        else if (form.Contains("query")) q = Graph.Add(new Mul(), q, Constant(0.36f));
        var scores = Graph.Add(new MatMul(), Q8(q, 3), Q8(k, 3));
        if (!form.Contains("both") && !form.Contains("query")) scores = Graph.Add(new Mul(), scores, Constant(0.36f));
        if (form.Contains("mask")) scores = Graph.Add(new Add(), scores, Weight(1, 1, tokens, tokens));
        var weights = Q8(Graph.Add(new Softmax { Axis = -1 }, scores), 1, isUnsigned: true);
        var y = Graph.Add(new Transpose([0, 2, 1, 3]), Graph.Add(new MatMul(), weights, Q8(parts[2], 3)));
        return Graph.Add(new Reshape(), y, Integers(0, tokens, channels));
    }

    public Value Shuffled(Value x, int channels, int groups, int height, int width)
    {
        var grouped = Graph.Add(new Reshape(), x, Integers(0, groups, channels / groups, height, width));
        return Graph.Add(new Reshape(), Graph.Add(new Transpose([0, 2, 1, 3, 4]), grouped), Integers(0, channels, height, width));
    }

    public Tensor<float> Data(params ReadOnlySpan<int> sizes)
    {
        var tensor = Tensor.Zeros<float>(new Shape(sizes.ToArray()));
        foreach (ref var value in tensor.Span) value = _random.NextSingle() * 6 - 3;
        return tensor;
    }
}
