using Pith.Ops;

namespace Pith.Models;

/// <summary>
/// Adds layers with freshly initialised parameters to a graph. A layer's name is its node's; its parameters are called as in PyTorch:
/// <c>name.weight</c>, <c>name.bias</c>, <c>name.running_mean</c>, <c>name.running_var</c>.
/// </summary>
internal sealed class NetworkBuilder
{
    private readonly ParameterInitializer _initializer;
    private Value? _zero, _six;

    /// <summary>An empty network with the input <c>input</c> [N, 3, resolution, resolution].</summary>
    public NetworkBuilder(string name, int resolution, int seed)
        : this(name, seed, "input", TensorType.Float32(Dim.Named("N"), 3, resolution, resolution)) { }

    /// <summary>An empty network with one input.</summary>
    public NetworkBuilder(string name, int seed, string input, TensorType type)
    {
        _initializer = new ParameterInitializer(seed);
        Graph = new Graph(name);
        Input = Graph.AddInput(input, type);
    }

    /// <summary>The graph so far.</summary>
    public Graph Graph { get; }

    /// <summary>The network's input.</summary>
    public Value Input { get; }

    /// <summary>The number of channels of a value [N, C, H, W].</summary>
    public static int Channels(Value x) => x.Type[1].Size;

    /// <summary>A square convolution, padded so that stride 1 keeps the size.</summary>
    public Value Conv(Value x, string name, int filters, int kernel, int stride = 1, int groups = 1, bool bias = false)
    {
        var weight = _initializer.HeNormal($"{name}.weight", new Shape(filters, Channels(x) / groups, kernel, kernel), groups);
        var inputs = new List<Value> { x, Graph.AddConstant($"{name}.weight", weight) };
        if (bias) inputs.Add(Graph.AddConstant($"{name}.bias", ParameterInitializer.Constant(filters, 0)));
        return Graph.AddNode(new Conv { Window = WindowAttributes.Uniform(kernel, stride, kernel / 2), Groups = groups }, [.. inputs], name).Output;
    }

    /// <summary>A batch normalisation that changes nothing yet: scale 1, bias 0, mean 0, variance 1.</summary>
    public Value BatchNorm(Value x, string name, float epsilon = 1e-5f)
    {
        Value Parameter(string suffix, float value) => Graph.AddConstant($"{name}.{suffix}", ParameterInitializer.Constant(Channels(x), value));
        return Graph.AddNode(
            new BatchNormalization { Epsilon = epsilon },
            [x, Parameter("weight", 1), Parameter("bias", 0), Parameter("running_mean", 0), Parameter("running_var", 1)], name).Output;
    }

    /// <summary>max(x, 0).</summary>
    public Value Relu(Value x, string name) => Graph.AddNode(new Relu(), [x], name).Output;

    /// <summary>min(max(x, 0), 6).</summary>
    public Value Relu6(Value x, string name)
    {
        _zero ??= Graph.AddConstant("relu6.min", Tensor.Scalar(0f));
        _six ??= Graph.AddConstant("relu6.max", Tensor.Scalar(6f));
        return Graph.AddNode(new Clip(), [x, _zero, _six], name).Output;
    }

    /// <summary>x · sigmoid(x), also called Swish.</summary>
    public Value Silu(Value x, string name) => Mul(x, Sigmoid(x, $"{name}.sigmoid"), name);

    /// <summary>1 / (1 + e^-x).</summary>
    public Value Sigmoid(Value x, string name) => Graph.AddNode(new Sigmoid(), [x], name).Output;

    /// <summary>A constant with seeded normal numbers of deviation 0.02, as the tables and weights of transformers start (Devlin et al. 2018).</summary>
    public Value Table(string name, params ReadOnlySpan<int> sizes) => Graph.AddConstant(name, _initializer.Normal(name, new Shape(sizes.ToArray()), 0.02));

    /// <summary>A fully connected layer on the last axis, as exporters write it for tokens [N, T, C]: MatMul with a weight [C, K], then Add.</summary>
    public Value Linear(Value x, string name, int outputs)
    {
        var channels = x.Type[x.Type.Rank - 1].Size;
        var weight = Graph.AddConstant($"{name}.weight", _initializer.Normal($"{name}.weight", new Shape(channels, outputs), Math.Sqrt(1.0 / channels)));
        var product = Graph.AddNode(new MatMul(), [x, weight], name).Output;
        return Add(product, Graph.AddConstant($"{name}.bias", ParameterInitializer.Constant(outputs, 0)), $"{name}.add");
    }

    /// <summary>Layer normalization over the last axis: scale 1, bias 0.</summary>
    public Value LayerNorm(Value x, string name)
    {
        var channels = x.Type[x.Type.Rank - 1].Size;
        Value Parameter(string suffix, float value) => Graph.AddConstant($"{name}.{suffix}", ParameterInitializer.Constant(channels, value));
        return Graph.AddNode(new LayerNormalization { Axis = -1 }, [x, Parameter("weight", 1), Parameter("bias", 0)], name).Output;
    }

    /// <summary>x · Φ(x), with the Gaussian distribution function.</summary>
    public Value Gelu(Value x, string name) => Graph.AddNode(new Gelu(), [x], name).Output;

    /// <summary>x in another shape; 0 keeps an axis.</summary>
    public Value Reshape(Value x, string name, params ReadOnlySpan<long> shape) => Graph.AddNode(new Reshape(), [x, Graph.AddConstant($"{name}.shape", Tensor.Vector(shape))], name).Output;

    /// <summary>The broadcast product.</summary>
    public Value Mul(Value x, Value y, string name) => Graph.AddNode(new Mul(), [x, y], name).Output;

    /// <summary>The sum of a branch and its shortcut.</summary>
    public Value Add(Value x, Value shortcut, string name) => Graph.AddNode(new Add(), [x, shortcut], name).Output;

    /// <summary>A square max-pooling window, padded so that stride 1 keeps the size.</summary>
    public Value MaxPool(Value x, string name, int kernel, int stride) =>
        Graph.AddNode(new MaxPool { Window = WindowAttributes.Uniform(kernel, stride, kernel / 2) }, [x], name).Output;

    /// <summary>The mean of each channel, [N, C, 1, 1].</summary>
    public Value GlobalAveragePool(Value x, string name) => Graph.AddNode(new GlobalAveragePool(), [x], name).Output;

    /// <summary>Ends the network: global average pooling, one fully connected layer, and the output <c>logits</c> [N, classes].</summary>
    /// <param name="x">The last feature map.</param>
    /// <param name="name">The name of the fully connected layer.</param>
    /// <param name="classes">The number of classes.</param>
    /// <returns>The finished graph.</returns>
    public Graph Classify(Value x, string name, int classes)
    {
        return ClassifyFeatures(Graph.AddNode(new Flatten(), [GlobalAveragePool(x, "avgpool")], "flatten").Output, name, classes);
    }

    /// <summary>Ends the network: one fully connected layer on features [N, C], and the output <c>logits</c> [N, classes].</summary>
    public Graph ClassifyFeatures(Value features, string name, int classes)
    {
        var weight = Graph.AddConstant($"{name}.weight", _initializer.FanInUniform($"{name}.weight", new Shape(classes, features.Type[1].Size)));
        var bias = Graph.AddConstant($"{name}.bias", ParameterInitializer.Constant(classes, 0));
        Graph.AddOutput(Graph.AddNode(new Gemm { TransB = true }, [features, weight, bias], name, ["logits"]).Output);
        return Graph;
    }
}
