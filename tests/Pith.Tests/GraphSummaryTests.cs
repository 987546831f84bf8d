using Pith.Ops;

namespace Pith.Tests;

public class GraphSummaryTests
{
    private readonly Graph _graph = new("net");
    private readonly Value _x;

    public GraphSummaryTests() => _x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 4, 5, 5));

    private Value Constant(string name, Shape shape, Func<int, float> element) =>
        _graph.AddConstant(name, Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(element).ToArray()));

    [Fact]
    public void Parameters_bytes_and_multiply_accumulates_are_counted_per_image()
    {
        var conv = _graph.AddNode(new Conv(), [_x, Constant("w", new Shape(8, 4, 3, 3), _ => 1), Constant("b", new Shape(8), _ => 1)], "conv").Output;
        var clip = _graph.Add(new Clip(), conv, _graph.AddConstant("min", Tensor.Scalar(0f)), _graph.AddConstant("max", Tensor.Scalar(6f)));
        var flat = _graph.Add(new Reshape(), clip, _graph.AddConstant("shape", Tensor.Vector(0L, -1L)));
        _graph.AddOutput(_graph.AddNode(new Gemm { TransB = true }, [flat, Constant("fc", new Shape(10, 72), _ => 1)], "fc").Output);
        var summary = GraphSummary.Of(_graph);
        Assert.Equal(8 * 36 + 8 + 720, summary.Parameters);
        Assert.Equal([new ConstantSize(DataType.Float32, 8 * 36 + 8 + 720 + 2, 4 * (8 * 36 + 8 + 720 + 2)), new ConstantSize(DataType.Int64, 2, 16)], summary.Constants);
        Assert.Equal(8 * 36 * 9 + 720, summary.MultiplyAccumulates);
        Assert.Equal([8 * 36 * 9, 720], summary.Layers.Select(layer => layer.MultiplyAccumulates));
        Assert.Equal(["Clip", "Conv", "Gemm", "Reshape"], summary.Ops.Select(op => op.OpType));
    }

    [Fact]
    public void The_2_4_pattern_is_looked_for_along_input_channels()
    {
        // Channels 0 and 1 of four are zero: sparse along C, and dense along the kernel.
        Value Add(string name, Func<int, float> element) => _graph.AddNode(new Conv(), [_x, Constant(name, new Shape(2, 4, 3, 3), element)], name).Output;
        foreach (var value in new[] { Add("sparse", i => i / 9 % 4 < 2 ? 0 : 1), Add("dense", i => i / 9 % 4 < 1 ? 0 : 1) }) _graph.AddOutput(value);
        var depthwise = _graph.AddNode(new Conv { Groups = 4 }, [_x, Constant("depthwise", new Shape(4, 1, 1, 1), _ => 0)], "depthwise");
        _graph.AddOutput(depthwise.Output);
        var layers = GraphSummary.Of(_graph).Layers;
        Assert.Equal([true, false, null], layers.Select(layer => layer.Is24Sparse));
        Assert.Equal([0.5, 0.25, 1], layers.Select(layer => layer.Sparsity));
        Assert.Equal(1, GraphSummary.Of(_graph).SparseLayers);
    }

    [Fact]
    public void Quantized_layers_are_recognised_and_weights_that_round_to_zero_count()
    {
        var scale = _graph.AddConstant("scale", Tensor.Scalar(1f));
        var zero = _graph.AddConstant("zero", Tensor.Scalar((sbyte)0));
        Value Quantized(Value value) => _graph.Add(new DequantizeLinear(), _graph.Add(new QuantizeLinear(), value, scale, zero), scale, zero);
        var weight = Quantized(Constant("w", new Shape(2, 4, 1, 1), i => i % 2 == 0 ? 0.2f : 3));
        _graph.AddOutput(_graph.AddNode(new Conv(), [_x, weight], "weight_only").Output);
        _graph.AddOutput(_graph.AddNode(new Conv(), [Quantized(_x), weight], "whole").Output);
        var summary = GraphSummary.Of(_graph);
        Assert.Equal([Precision.Int8Weights, Precision.Int8], summary.Layers.Select(layer => layer.Precision));
        Assert.All(summary.Layers, layer => Assert.Equal((4L, true), (layer.Zeros, layer.Is24Sparse)));
        Assert.Equal((1, 8L), (summary.QuantizedLayers, summary.Parameters));
    }

    [Fact]
    public void MobileNetV2_has_its_published_size_and_cost()
    {
        var path = SharedData.Path("models/imagenet_mobilenetv2_torchvision.onnx");
        Assert.SkipWhen(path is null, "the networks are not beside the repository (shared/data/models)");
        var summary = GraphSummary.Of(OnnxModel.Load(path));
        // 3.50 million parameters less the batch norms folded into biases, 300 million multiply-accumulates.
        Assert.Equal((3_487_816, 300_774_272, 53), (summary.Parameters, summary.MultiplyAccumulates, summary.Layers.Count));
    }
}
