using Pith.Ops;

namespace Pith.Compression.Tests;

/// <summary>Builds small graphs with seeded weights, so that a test reads like the network that it is about.</summary>
internal sealed class TestNetwork
{
    private int _seed;

    public TestNetwork(int channels, int size)
    {
        Graph = new Graph("test");
        Input = Graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, size, size));
    }

    public Graph Graph { get; }

    public Value Input { get; }

    public Value Conv(string name, Value x, int outputs, int kernel = 1, int groups = 1, bool bias = true, int stride = 1)
    {
        var inputs = x.Type[1].Size / groups;
        var weight = Graph.AddConstant($"{name}.weight", Tensor.Create(new Shape(outputs, inputs, kernel, kernel), Samples.Gaussian(++_seed, outputs * inputs * kernel * kernel, 1 / Math.Sqrt(inputs * kernel * kernel))));
        var biasValue = bias ? Graph.AddConstant($"{name}.bias", Tensor.Create(new Shape(outputs), Samples.Gaussian(++_seed, outputs, 0.1))) : null;
        var window = new WindowAttributes { Pads = ValueList.Repeat(kernel / 2, 4), Strides = [stride, stride] };
        return Graph.AddNode(new Conv { Groups = groups, Window = window }, bias ? [x, weight, biasValue] : [x, weight], name, [name + ":out"]).Output;
    }

    public Value Gemm(string name, Value x, int outputs)
    {
        var inputs = x.Type[1].Size;
        var weight = Graph.AddConstant($"{name}.weight", Tensor.Create(new Shape(outputs, inputs), Samples.Gaussian(++_seed, outputs * inputs, 1 / Math.Sqrt(inputs))));
        var bias = Graph.AddConstant($"{name}.bias", Tensor.Create(new Shape(outputs), Samples.Gaussian(++_seed, outputs, 0.1)));
        return Graph.AddNode(new Gemm { TransB = true }, [x, weight, bias], name, [name + ":out"]).Output;
    }

    public Value BatchNorm(string name, Value x)
    {
        var channels = x.Type[1].Size;
        Value[] parameters =
        [
            Parameter("gamma", Samples.Gaussian(++_seed, channels)),
            Parameter("beta", Samples.Gaussian(++_seed, channels)),
            Parameter("mean", Samples.Gaussian(++_seed, channels)),
            Parameter("variance", Array.ConvertAll(Samples.Gaussian(++_seed, channels), v => v * v + 0.1f)),
        ];
        return Graph.AddNode(new BatchNormalization(), [x, .. parameters], name, [name + ":out"]).Output;

        Value Parameter(string kind, float[] values) => Graph.AddConstant($"{name}.{kind}", Tensor.Create(new Shape(channels), values));
    }

    public Value Node(string name, Op op, params Value[] inputs) => Graph.AddNode(op, inputs, name, [name + ":out"]).Output;

    public Value Scalar(float value) => Graph.AddConstant("scalar", Tensor.Scalar(value));

    public Value Relu(string name, Value x) => Node(name, new Relu(), x);

    public Value Add(string name, Value x, Value y) => Node(name, new Add(), x, y);

    /// <summary>Global average pooling, flatten and a fully connected layer, declared as the graph's output.</summary>
    public Graph Classify(Value x, int classes = 10)
    {
        Graph.AddOutput(Gemm("fc", Node("flatten", new Flatten(), Node("pool", new GlobalAveragePool(), x)), classes));
        return Graph;
    }

    /// <summary>A stem, a basic block with an identity shortcut, one with a convolution in it, and a classifier.</summary>
    public static Graph Residual()
    {
        var net = new TestNetwork(3, 8);
        var stem = net.Relu("relu0", net.Conv("conv0", net.Input, 16, 3));
        var block1 = net.Relu("relu1", net.Add("add1", net.Conv("conv1b", net.Relu("relu1a", net.Conv("conv1a", stem, 16, 3)), 16, 3), stem));
        var shortcut = net.Conv("down2", block1, 32);
        var block2 = net.Relu("relu2", net.Add("add2", net.Conv("conv2b", net.Relu("relu2a", net.Conv("conv2a", block1, 32, 3)), 32, 3), shortcut));
        return net.Classify(block2);
    }

    public static Tensor<float> Images(int seed, int count, int channels, int size) =>
        Tensor.Create(new Shape(count, channels, size, size), Samples.Gaussian(seed, count * channels * size * size));

    /// <summary>Statistics of the reference interpreter on random images, one half each.</summary>
    public static ActivationStatistics Observe(Graph graph, QdqPlacement placement, params Tensor[] batches)
    {
        var statistics = new ActivationStatistics(placement.Activations.Select(activation => activation.Value.Name));
        for (var batch = 0; batch < batches.Length; batch++)
        {
            if (statistics.Tensors.Contains(graph.Inputs[0].Name)) statistics.Add(graph.Inputs[0].Name, batches[batch].As<float>().Span, batch < batches.Length / 2, batch);
            GraphInterpreter.Run(graph, [batches[batch]], (value, tensor) =>
            {
                if (statistics.Tensors.Contains(value.Name)) statistics.Add(value.Name, tensor.As<float>().Span, batch < batches.Length / 2, batch);
            });
        }
        return statistics;
    }

    /// <summary>Quantizes <paramref name="graph"/> in place with ranges from random images; returns what was done.</summary>
    public static IReadOnlyList<LayerQuantization> Quantize(Graph graph, QuantizationSettings? options = null)
    {
        options ??= new QuantizationSettings { Calibrator = new MaxCalibrator() };
        var placement = QdqPlacement.Find(graph, options);
        var dims = graph.Inputs[0].Type.Dims;
        var statistics = Observe(graph, placement, Images(100, 2, dims[1].Size, dims[2].Size), Images(101, 2, dims[1].Size, dims[2].Size));
        return InsertQdq.Apply(graph, placement, ActivationRanges.Calibrated(placement, statistics, options), options);
    }
}
