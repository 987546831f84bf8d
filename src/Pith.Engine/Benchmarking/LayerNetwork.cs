using Pith.Building;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.Benchmarking;

/// <summary>
/// Builds the network of one layer from its specification, with seeded random weights: float ops, between QuantizeLinear and DequantizeLinear where the layer is
/// INT8, as an exporter would write them. Convolutions and matrix products with constant weights, with bias, residual and activation.
/// </summary>
internal sealed class LayerNetwork
{
    private const int Seed = 1;
    private const string Example = "conv s8>s8 n1 c64 h56 w56 k64 r3,3 stride1,1 pad1,1,1,1 bias";

    // Of inputs, and about of results: the ranges of quantization.
    private const float AbsoluteMax = 4;

    private readonly Graph _graph = new("layer");
    private readonly Random _random = new(Seed);
    private readonly LayerSpec _spec;

    private LayerNetwork(LayerSpec spec) => _spec = spec;

    /// <summary>The layer that <paramref name="text"/> asks for, lowered, and the network around it.</summary>
    /// <exception cref="PithException">The text is not a specification, of a kind that cannot be built alone, or of a combination that no network lowers to.</exception>
    public static (LoweredNetwork Network, ContractionLayer Layer) Lower(string text)
    {
        var spec = Complete(LayerSpec.Parse(text), text);
        var graph = new LayerNetwork(spec).Build();
        Passes.PassRunner.RunToFixpoint(graph, Passes.Pipelines.Simplify);
        var network = Lowering.Lower(graph, new EngineOptions { MaxBatch = spec.Images, Bf16 = spec.AllowsBf16 });
        var layers = network.Layers.OfType<ContractionLayer>().ToArray();
        if (Array.Find(layers, layer => layer.SpecAt(spec.Images) == spec) is { } found) return (network, found);
        throw new PithException($"No network lowers to the layer '{text}'; the nearest is '{layers.FirstOrDefault()?.SpecAt(spec.Images)}'. Quantized results need a quantized input, and an INT8 layer takes only activations with an INT8 form.");
    }

    /// <summary>Checks the sizes and writes what may be left out, so that the specification equals that of the lowered layer.</summary>
    private static LayerSpec Complete(LayerSpec spec, string text)
    {
        if (spec.Kind is not (LayerKind.Conv or LayerKind.Gemm)) throw new PithException($"'{text}' is a layer of kind {spec.Kind.ToString().ToLowerInvariant()}; only conv and gemm layers can be timed alone, e.g. '{Example}'. pith bench MODEL --profile times every layer of a network.");
        foreach (var (type, what) in (ReadOnlySpan<(DataType?, string)>)[(spec.Input, "input"), (spec.Output, "output"), (spec.Residual, "residual")])
            if (type is { } wanted && wanted != DataType.Float32 && !wanted.IsQuantized()) throw new PithException($"'{text}': the {what} is {wanted.ShortName()}, expected s8, u8 or f32.");
        if (spec.AllowsBf16 && spec.Input.IsQuantized()) throw new PithException($"'{text}': bf16 is for float layers, the input is {spec.Input.ShortName()}.");
        if (spec.Pattern is { } given && !spec.Input.IsQuantized()) throw new PithException($"'{text}': {given} is for INT8 layers, the input is {spec.Input.ShortName()}.");
        var isConv = spec.Kind == LayerKind.Conv;
        RequireSize(text, "n", spec.Images);
        RequireSize(text, "c", spec.Channels);
        RequireSize(text, "k", spec.OutChannels);
        if (isConv) RequireSize(text, "h", spec.Height);
        if (isConv) RequireSize(text, "w", spec.Width);
        var activation = ActivationText.Parse(spec.Activation);
        // One kind for all clipping, as lowering has it.
        if (activation.Kind == ActivationKind.Relu) activation = Activation.Clip(0, float.PositiveInfinity);
        spec = spec with { Groups = isConv ? Math.Max(1, spec.Groups) : 0, Activation = ActivationText.Of(activation) };
        if (isConv && (spec.Channels % spec.Groups != 0 || spec.OutChannels % spec.Groups != 0)) throw new PithException($"'{text}': {spec.Groups} groups do not divide {spec.Channels} input and {spec.OutChannels} output channels.");
        if (spec.Pattern is { } pattern && spec.Channels / Math.Max(1, spec.Groups) % 4 != 0) throw new PithException($"'{text}': {pattern} needs a multiple of 4 input channels in each group, got {spec.Channels / Math.Max(1, spec.Groups)}.");
        return spec;
    }

    private static void RequireSize(string text, string key, int size)
    {
        const int Most = 1 << 20;
        if (size is < 1 or > Most) throw new PithException($"'{text}': {key} must be 1 to {Most}, got {size}. A whole example: '{Example}'.");
    }

    private Graph Build()
    {
        var isConv = _spec.Kind == LayerKind.Conv;
        Dim[] dims = [Dim.Named("N"), Dim.Of(_spec.Channels), .. isConv ? (Dim[])[Dim.Of(_spec.Height), Dim.Of(_spec.Width)] : []];
        var isInt8 = _spec.Input.IsQuantized();
        var input = _graph.AddInput("x", TensorType.Float32(dims));
        // The result of another layer, as in networks: with a border in memory, where the window is padded.
        if (isConv && !isInt8) input = _graph.Add(new MaxPool { Window = new WindowAttributes { KernelShape = [1, 1] } }, input);
        var (x, inputScale) = Quantized(input, _spec.Input);
        var (weight, scales) = isInt8 ? Int8Weight(WeightShape()) : (FloatWeight(WeightShape()), []);
        Value?[] operands = !_spec.HasBias ? [x, weight] : [x, weight, isInt8 ? Int8Bias(scales, inputScale) : _graph.AddConstant("bias", Tensor.Vector<float>(Uniform(_spec.OutChannels, 1)))];
        var y = _graph.Add(isConv ? Conv() : new Gemm { TransB = true }, operands!);
        if (_spec.Residual is { } residual) y = _graph.Add(new Add(), y, Quantized(_graph.AddInput("residual", y.Type), residual).Value);
        _graph.AddOutput(Quantized(Activated(y), _spec.Output).Value);
        return _graph;
    }

    private Shape WeightShape() => _spec.Kind == LayerKind.Gemm
        ? new Shape(_spec.OutChannels, _spec.Channels)
        : new Shape(_spec.OutChannels, _spec.Channels / _spec.Groups, _spec.Window.KernelHeight, _spec.Window.KernelWidth);

    private Conv Conv()
    {
        var window = _spec.Window;
        return new Conv
        {
            Groups = _spec.Groups,
            Window = new WindowAttributes
            {
                Strides = [window.StrideHeight, window.StrideWidth],
                Dilations = [window.DilationHeight, window.DilationWidth],
                Pads = [window.PadTop, window.PadLeft, window.PadBottom, window.PadRight],
            },
        };
    }

    /// <summary>x through QuantizeLinear and DequantizeLinear, or x itself when <paramref name="type"/> is float.</summary>
    private (Value Value, float Scale) Quantized(Value x, DataType type)
    {
        if (!type.IsQuantized()) return (x, 1);
        const float Scale = AbsoluteMax / 127;
        var scale = _graph.AddConstant("scale", Tensor.Scalar(Scale));
        var zero = _graph.AddConstant("zero", type == DataType.Int8 ? Tensor.Scalar((sbyte)0) : Tensor.Scalar((byte)128));
        return (_graph.Add(new DequantizeLinear(), _graph.Add(new QuantizeLinear(), x, scale, zero), scale, zero), Scale);
    }

    private (Value Weight, float[] Scales) Int8Weight(Shape shape)
    {
        var weight = Tensor.Zeros<sbyte>(shape);
        foreach (ref var w in weight.Span) w = (sbyte)_random.Next(-127, 128);
        if (_spec.Pattern is { } pattern) Prune(weight.Span, WeightAxes.Of(shape, 1, 0, shape[0] / Math.Max(1, _spec.Groups)), pattern);
        // Results of about the size of the inputs, whatever is summed.
        var scales = Enumerable.Repeat(1 / (70 * MathF.Sqrt(shape.LengthOf(1, shape.Rank))), shape[0]).ToArray();
        return (_graph.Add(new DequantizeLinear { Axis = 0 }, _graph.AddConstant("weight", weight), _graph.AddConstant("weight_scale", Tensor.Vector<float>(scales))), scales);
    }

    // Two places of each quad at random, the same ones for all channels that share a pattern.
    private void Prune(Span<sbyte> weights, WeightAxes axes, SparsityPattern pattern)
    {
        foreach (var (first, count) in axes.SharedQuads(pattern.Channels))
        {
            var zero = _random.Next(4);
            var other = (zero + _random.Next(1, 4)) % 4;
            for (var quad = first; quad < first + count * axes.QuadStride; quad += axes.QuadStride)
                foreach (var place in (ReadOnlySpan<int>)[zero, other]) weights[axes.Reduction.QuadOffset(quad) + place * axes.Reduction.Inner] = 0;
        }
    }

    private Value FloatWeight(Shape shape) =>
        _graph.AddConstant("weight", Tensor.Vector<float>(Uniform(shape.Length, 1 / MathF.Sqrt(shape.LengthOf(1, shape.Rank)))).Reshape(shape));

    /// <summary>A bias of integers in units of input scale times weight scale, which starts the integer sum.</summary>
    private Value Int8Bias(float[] weightScales, float inputScale)
    {
        var scales = weightScales.Select(scale => scale * inputScale).ToArray();
        var bias = scales.Select(scale => 1 + (int)(_random.NextSingle() / scale)).ToArray();
        return _graph.Add(new DequantizeLinear { Axis = 0 }, _graph.AddConstant("bias", Tensor.Vector<int>(bias)), _graph.AddConstant("bias_scale", Tensor.Vector<float>(scales)));
    }

    private Value Activated(Value y)
    {
        var activation = ActivationText.Parse(_spec.Activation);
        return activation.Kind switch
        {
            ActivationKind.None => y,
            ActivationKind.Clip when activation is { A: 0, B: float.PositiveInfinity } => _graph.Add(new Relu(), y),
            ActivationKind.Clip => _graph.Add(new Clip(), y, Scalar(activation.A), Scalar(activation.B)),
            ActivationKind.LeakyRelu => _graph.Add(new LeakyRelu(activation.A), y),
            ActivationKind.Elu => _graph.Add(new Elu(activation.A), y),
            ActivationKind.Sigmoid => _graph.Add(new Sigmoid(), y),
            ActivationKind.HardSigmoid => _graph.Add(new HardSigmoid { Alpha = activation.A, Beta = activation.B }, y),
            ActivationKind.Tanh => _graph.Add(new Tanh(), y),
            ActivationKind.Silu => _graph.Add(new Mul(), y, _graph.Add(new Sigmoid(), y)),
            ActivationKind.HardSwish => _graph.Add(new HardSwish(), y),
            ActivationKind.Gelu => _graph.Add(new Gelu(), y),
            var kind => throw new PithException($"No op computes the activation {kind}."),
        };
    }

    private Value Scalar(float number) => _graph.AddConstant("bound", Tensor.Scalar(number));

    private float[] Uniform(int count, float amplitude) => [.. Enumerable.Range(0, count).Select(_ => (_random.NextSingle() * 2 - 1) * amplitude)];
}
