using Pith.Ops;

namespace Pith.EngineTests.Int8;

/// <summary>Builds small quantized graphs in the form that exporters write: float ops between QuantizeLinear and DequantizeLinear.</summary>
internal sealed class QdqGraphBuilder(Graph graph, int seed, bool unsigned = false)
{
    private static readonly string[] s_epilogues = ["", "relu", "clip", "hardswish", "silu", "sigmoid", "hardsigmoid", "leaky", "float", "float bias", "no bias"];

    public QdqGraphBuilder(int seed, bool unsigned = false)
        : this(new Graph("qdq"), seed, unsigned) { }

    private readonly Random _random = new(seed);

    public Graph Graph => graph;

    public Value Input(params ReadOnlySpan<int> dims) => Graph.AddInput("x", TensorType.Float32([Dim.Named("N"), .. dims.ToArray().Select(Dim.Of)]));

    /// <summary>x through QuantizeLinear and DequantizeLinear.</summary>
    public Value Quantized(Value x, float amax = 4)
    {
        var (scale, zero) = Parameters(amax);
        var q = Graph.Add(new QuantizeLinear(), x, scale, zero);
        return Graph.Add(new DequantizeLinear(), q, scale, zero);
    }

    public Value Conv(Value x, int channels, int outChannels, int kernel = 1, int stride = 1, int pad = 0, int groups = 1, bool integerBias = true) =>
        Conv(x, channels, outChannels, kernel, WindowAttributes.Uniform(kernel, stride, pad), groups, bias: true, integerBias);

    public Value Conv(Value x, int channels, int outChannels, int kernel, WindowAttributes window, int groups = 1, bool bias = true, bool integerBias = true)
    {
        var (w, scales) = Weights(new Shape(outChannels, channels / groups, kernel, kernel), 0);
        var op = new Conv { Window = window with { KernelShape = [] }, Groups = groups };
        return bias ? Graph.Add(op, x, w, Bias(x, scales, integerBias)) : Graph.Add(op, x, w);
    }

    public Value Gemm(Value x, int channels, int outChannels, bool bias = true)
    {
        var (w, scales) = Weights(new Shape(outChannels, channels), 0);
        return bias ? Graph.Add(new Gemm { TransB = true }, x, w, Bias(x, scales, true)) : Graph.Add(new Gemm { TransB = true }, x, w);
    }

    public Value MatMul(Value x, int channels, int outChannels) => Graph.Add(new MatMul(), x, Weights(new Shape(channels, outChannels), 1).Weights);

    /// <summary>A contraction, which may depend on the name of the epilogue, and what follows: each activation, with a residual in bytes, in floats or without one.</summary>
    public Value WithEpilogue(Random random, Func<string, Value> contraction)
    {
        var epilogue = s_epilogues[random.Next(s_epilogues.Length)];
        var residual = random.Next(4) switch { 0 => Quantized(contraction("")), 1 => contraction(""), _ => null };
        var y = contraction(epilogue);
        if (residual is not null) y = Graph.Add(new Add(), y, residual);
        var result = epilogue switch
        {
            "relu" => Graph.Add(new Relu(), y),
            "clip" => Graph.Add(new Clip(), y, Graph.AddConstant("low", Tensor.Scalar(-0.5f)), Graph.AddConstant("high", Tensor.Scalar(1.5f))),
            "hardswish" => Graph.Add(new HardSwish(), y),
            "silu" => Graph.Add(new Mul(), y, Graph.Add(new Sigmoid(), y)),
            "sigmoid" => Graph.Add(new Sigmoid(), y),
            "hardsigmoid" => Graph.Add(new HardSigmoid(), y),
            "leaky" => Graph.Add(new LeakyRelu(0.2f), y),
            _ => y,
        };
        return epilogue == "float" ? result : Quantized(result);
    }

    public Tensor<float> Data(Shape shape, float amax = 4)
    {
        var tensor = Tensor.Zeros<float>(shape);
        foreach (ref var value in tensor.Span) value = (_random.NextSingle() * 2 - 1) * amax;
        return tensor;
    }

    private (Value Weights, float[] Scales) Weights(Shape shape, int axis)
    {
        var w = Tensor.Zeros<sbyte>(shape);
        foreach (ref var value in w.Span) value = (sbyte)_random.Next(-127, 128);
        var reduced = shape.Length / shape[axis];
        // Sums of a few units, whatever the reduction's length.
        var scales = Enumerable.Range(0, shape[axis]).Select(_ => (0.5f + _random.NextSingle()) / (70 * MathF.Sqrt(reduced))).ToArray();
        return (Graph.Add(new DequantizeLinear { Axis = axis }, Graph.AddConstant("w", w), Graph.AddConstant("w_scale", Tensor.Vector<float>(scales))), scales);
    }

    private Value Bias(Value x, float[] weightScales, bool integer)
    {
        if (!integer) return Graph.AddConstant("b", Tensor.Vector<float>([.. weightScales.Select(_ => _random.NextSingle() * 2 - 1)]));
        var inputScale = x.Producer!.Input(1)!.Constant!.As<float>().Data[0];
        var scales = weightScales.Select(scale => scale * inputScale).ToArray();
        var b = scales.Select(scale => (int)((_random.NextSingle() * 2 - 1) / scale)).ToArray();
        return Graph.Add(new DequantizeLinear { Axis = 0 }, Graph.AddConstant("b", Tensor.Vector<int>(b)), Graph.AddConstant("b_scale", Tensor.Vector<float>(scales)));
    }

    private (Value Scale, Value Zero) Parameters(float amax)
    {
        var scale = unsigned ? amax / 100 : amax / 127 * (0.9f + 0.2f * _random.NextSingle());
        return (Graph.AddConstant("scale", Tensor.Scalar(scale)), Graph.AddConstant("zero", unsigned ? Tensor.Scalar((byte)_random.Next(90, 150)) : Tensor.Scalar((sbyte)0)));
    }
}
