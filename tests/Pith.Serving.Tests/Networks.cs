using Pith.Ops;

namespace Pith.Serving.Tests;

/// <summary>Small networks with seeded weights.</summary>
internal static class Networks
{
    /// <summary>A classifier of 10 classes: x f32[N,3,8,8] to scores f32[N,10].</summary>
    public static Graph Classifier(int seed = 1)
    {
        var graph = new Graph("classifier");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 8, 8));
        var features = Relu(graph, Conv(graph, x, "conv", 3, 8, seed));
        var pooled = graph.AddNode(new Flatten(), [graph.AddNode(new GlobalAveragePool(), [features], "pool", ["pool:out"]).Output], "flatten", ["flatten:out"]).Output;
        var weight = graph.AddConstant("fc.weight", Tensor.Create(new Shape(10, 8), Values(seed + 1, 80)));
        graph.AddOutput(graph.AddNode(new Gemm { TransB = true }, [pooled, weight], "fc", ["scores"]).Output);
        return graph;
    }

    /// <summary>Takes some milliseconds for each row: x f32[N,32,48,48] to y of the same size.</summary>
    public static Graph Slow()
    {
        var graph = new Graph("slow");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 32, 48, 48));
        for (var i = 0; i < 6; i++) x = Relu(graph, Conv(graph, x, $"conv{i}", 32, 32, i));
        graph.AddOutput(graph.AddNode(new GlobalAveragePool(), [x], "pool", ["y"]).Output);
        return graph;
    }

    /// <summary>A network whose rows depend on each other: x f32[N,4] less its mean over the batch.</summary>
    public static Graph Centred()
    {
        var graph = new Graph("centred");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 4));
        var mean = graph.AddNode(new ReduceMean([0]), [x], "mean", ["mean:out"]).Output;
        graph.AddOutput(graph.AddNode(new Sub(), [x, mean], "sub", ["y"]).Output);
        return graph;
    }

    /// <summary>Gives back what it is given, three elements a row, an input and output for each type.</summary>
    public static Graph Echo(params DataType[] types)
    {
        var graph = new Graph("echo");
        foreach (var type in types)
        {
            var name = WireType.NameOf(type)!;
            var x = graph.AddInput($"in {name}", new TensorType(type, [Dim.Named("N"), 3]));
            graph.AddOutput(graph.AddNode(new Identity(), [x], name, [$"out {name}"]).Output);
        }
        return graph;
    }

    /// <summary>What any way to ask for an answer must give, bit for bit.</summary>
    public static byte[] Expected(Graph graph, Tensor input)
    {
        using var runner = NetworkRunner.Engine();
        return runner.Run(new FedGraph(graph, [input], []))[0].Bytes.ToArray();
    }

    public static Tensor<float> Images(int seed, int rows) => Tensor.Create(new Shape(rows, 3, 8, 8), Values(seed, rows * 192));

    public static float[] Values(int seed, int count)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (var i = 0; i < count; i++) values[i] = 2 * random.NextSingle() - 1;
        return values;
    }

    private static Value Conv(Graph graph, Value x, string name, int inputs, int outputs, int seed)
    {
        var weight = graph.AddConstant($"{name}.weight", Tensor.Create(new Shape(outputs, inputs, 3, 3), Values(100 + seed, outputs * inputs * 9)));
        return graph.AddNode(new Conv { Window = new WindowAttributes { Pads = ValueList.Repeat(1, 4) } }, [x, weight], name, [name + ":out"]).Output;
    }

    private static Value Relu(Graph graph, Value x) => graph.AddNode(new Relu(), [x], x.Name + "/relu", [x.Name + ":relu"]).Output;
}
