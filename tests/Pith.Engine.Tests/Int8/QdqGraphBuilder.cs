using Pith.Kernels.Jit;
using Pith.Ops;

namespace Pith.EngineTests.Int8;

/// <summary>Builds small quantized graphs in the form that exporters write: float ops between QuantizeLinear and DequantizeLinear.</summary>
internal sealed class QdqGraphBuilder(Graph graph, int seed, bool unsigned = false)
{
    /// <summary>Names of activations for <see cref="Activated"/>.</summary>
    public static IReadOnlyList<string> Activations { get; } = ["none", "relu", "clip", "hardswish", "silu", "sigmoid", "hardsigmoid", "leaky", "gelu", "gelutanh"];

    public QdqGraphBuilder(int seed, bool unsigned = false)
        : this(new Graph("qdq"), seed, unsigned) { }

    private readonly Random _random = new(seed);

    /// <summary>So many neighbouring output channels share a random 2:4 pattern in weights that are made from now on, some with fewer than two kept of four: 1 for plain 2:4, 0 for dense weights. Dense where the input channels are not a multiple of four.</summary>
    public int Shared { get; set; }

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
        var (w, scales) = Weights(new Shape(outChannels, channels / groups, kernel, kernel), 0, groups);
        var op = new Conv { Window = window with { KernelShape = [] }, Groups = groups };
        return bias ? Graph.Add(op, x, w, Bias(x, scales, integerBias)) : Graph.Add(op, x, w);
    }

    public Value Gemm(Value x, int channels, int outChannels, bool bias = true)
    {
        var (w, scales) = Weights(new Shape(outChannels, channels), 0);
        return bias ? Graph.Add(new Gemm { TransB = true }, x, w, Bias(x, scales, true)) : Graph.Add(new Gemm { TransB = true }, x, w);
    }

    public Value MatMul(Value x, int channels, int outChannels) => Graph.Add(new MatMul(), x, Weights(new Shape(channels, outChannels), 1).Weights);

    /// <summary>A contraction with a bias in integers, in floats or none, and what follows: any activation, a residual in bytes, in floats or none, a result in bytes or floats.</summary>
    /// <param name="random">Chooses them.</param>
    /// <param name="contraction">Makes the contraction; called with "no bias", "float bias" or "".</param>
    public Value WithEpilogue(Random random, Func<string, Value> contraction)
    {
        var bias = random.Next(6) switch { 0 => "no bias", 1 => "float bias", _ => "" };
        var residual = random.Next(4) switch { 0 => ResidualKind.Bytes, 1 => ResidualKind.Floats, _ => ResidualKind.None };
        return WithEpilogue(Activations[random.Next(Activations.Count)], residual, random.Next(6) == 0, () => contraction(bias));
    }

    /// <summary>A contraction, plus another of the same form as residual, then an activation.</summary>
    public Value WithEpilogue(string activation, ResidualKind residual, bool isFloatOutput, Func<Value> contraction)
    {
        var added = residual switch { ResidualKind.Bytes => Quantized(contraction()), ResidualKind.Floats => contraction(), _ => null };
        var y = contraction();
        if (added is not null) y = Graph.Add(new Add(), y, added);
        y = Activated(activation, y);
        return isFloatOutput ? y : Quantized(y);
    }

    /// <summary>The activation of this name.</summary>
    public Value Activated(string activation, Value y) => activation switch
    {
        "none" => y,
        "relu" => Graph.Add(new Relu(), y),
        "clip" => Graph.Add(new Clip(), y, Graph.AddConstant("low", Tensor.Scalar(-0.5f)), Graph.AddConstant("high", Tensor.Scalar(1.5f))),
        "hardswish" => Graph.Add(new HardSwish(), y),
        "silu" => Graph.Add(new Mul(), y, Graph.Add(new Sigmoid(), y)),
        "sigmoid" => Graph.Add(new Sigmoid(), y),
        "hardsigmoid" => Graph.Add(new HardSigmoid(), y),
        "leaky" => Graph.Add(new LeakyRelu(0.2f), y),
        "gelu" => Graph.Add(new Gelu(), y),
        "gelutanh" => Graph.Add(new Gelu(TanhApproximation: true), y),
        _ => throw new ArgumentException($"There is no activation '{activation}'.", nameof(activation)),
    };

    public Tensor<float> Data(Shape shape, float amax = 4)
    {
        var tensor = Tensor.Zeros<float>(shape);
        foreach (ref var value in tensor.Span) value = (_random.NextSingle() * 2 - 1) * amax;
        return tensor;
    }

    /// <summary>Dequantized random weights with a scale for each index of an axis.</summary>
    public (Value Weights, float[] Scales) Weights(Shape shape, int axis, int groups = 1)
    {
        var w = Tensor.Zeros<sbyte>(shape);
        foreach (ref var value in w.Span) value = (sbyte)_random.Next(-127, 128);
        if (Shared > 0 && shape[1 - axis] % 4 == 0)
            foreach (var quad in PatternReference.SharedQuads(shape, 1 - axis, axis, shape[axis] / groups, Shared))
                foreach (var dropped in Enumerable.Range(0, 4).OrderBy(_ => _random.Next()).Take(_random.Next(8) switch { 0 => 3, 1 => 4, _ => 2 }))
                    foreach (var index in quad[dropped]) w.Span[index] = 0;
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
