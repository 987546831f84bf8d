using Pith.Ops;

namespace Pith.Cli.Tests;

/// <summary>A network of three convolutions and a classifier for images of 32x32 and ten classes: searches measure each layer in many ways, so few layers make them short.</summary>
internal static class SmallNetwork
{
    /// <summary>Layers with weights.</summary>
    public const int Layers = 4;

    /// <summary>Writes it, with weights from a fixed seed.</summary>
    /// <returns>The file.</returns>
    public static string Save(TemporaryFolder folder, string name = "small/net.onnx")
    {
        var path = folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var random = new Random(7);
        var graph = new Graph("small");
        Tensor<float> Weight(params int[] sizes)
        {
            var weight = Tensor.Zeros<float>(new Shape(sizes));
            // The size of activations stays from layer to layer.
            var bound = MathF.Sqrt(6f / (weight.Length / sizes[0]));
            foreach (ref var w in weight.Span) w = bound * (2 * random.NextSingle() - 1);
            return weight;
        }
        Value Conv(string layer, Value x, int channels, int filters, int kernel, int stride) => graph.AddNode(new Relu(),
            [graph.AddNode(new Conv { Window = WindowAttributes.Uniform(kernel, stride, kernel / 2) }, [x, graph.AddConstant($"{layer}.weight", Weight(filters, channels, kernel, kernel)), graph.AddConstant($"{layer}.bias", Weight(filters))], layer).Output], $"{layer}.relu").Output;
        var y = Conv("conv1", graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 32, 32)), 3, 16, 3, 2);
        y = Conv("conv3", Conv("conv2", y, 16, 16, 3, 2), 16, 32, 1, 1);
        y = graph.Add(new Flatten(), graph.Add(new GlobalAveragePool(), y));
        graph.AddOutput(graph.AddNode(new Gemm { TransB = true }, [y, graph.AddConstant("fc.weight", Weight(10, 32)), graph.AddConstant("fc.bias", Weight(10))], "fc", ["logits"]).Output);
        OnnxModel.Save(graph, path);
        return path;
    }
}
