using Pith.Ops;

namespace Pith.Tests;

/// <summary>The weight of a layer is found after whatever exporters write between the stored constant and the layer, and 2:4 groups lie where the layer sums.</summary>
public class WeightOperandTests
{
    // Each is a way to bring a stored constant to a matrix [K = 8, N = 6] that MatMul reduces along axis 0.
    private static readonly Dictionary<string, (Shape Stored, Func<Graph, Value, Value> Bring)> s_ways = new()
    {
        ["direct"] = (new Shape(8, 6), (_, w) => w),
        ["identity"] = (new Shape(8, 6), (graph, w) => graph.Add(new Identity(), w)),
        ["transpose"] = (new Shape(6, 8), (graph, w) => graph.Add(new Transpose(), w)),
        ["two transposes"] = (new Shape(8, 6), (graph, w) => graph.Add(new Transpose(), graph.Add(new Transpose(), w))),
        ["reshape"] = (new Shape(2, 4, 3, 2), (graph, w) => Reshape(graph, w, 8, 6)),
        ["flat"] = (new Shape(48), (graph, w) => Reshape(graph, w, 8, 6)),
        ["reshape, transpose"] = (new Shape(48), (graph, w) => graph.Add(new Transpose(), Reshape(graph, w, 6, 8))),
        ["transpose of blocks, reshape"] = (new Shape(6, 2, 4), (graph, w) => Reshape(graph, graph.Add(new Transpose([1, 2, 0]), w), 8, 6)),
        ["columns apart"] = (new Shape(3, 8, 2), (graph, w) => Reshape(graph, graph.Add(new Transpose([1, 0, 2]), w), 8, 6)),
        ["squeeze, unsqueeze"] = (new Shape(1, 8, 6), (graph, w) => graph.Add(new Squeeze([0]), w)),
        ["half"] = (new Shape(6, 8), (graph, w) => graph.Add(new Transpose(), graph.Add(new Cast(DataType.Float32), graph.Add(new Cast(DataType.Float16), w)))),
        ["quantized, transposed"] = (new Shape(6, 8), (graph, w) => graph.Add(new Transpose(), Quantized(graph, w))),
        ["transposed, quantized"] = (new Shape(6, 8), (graph, w) => Quantized(graph, graph.Add(new Transpose(), w))),
    };

    public static TheoryData<string> Ways => [.. s_ways.Keys];

    [Theory]
    [MemberData(nameof(Ways))]
    public void The_layout_of_the_stored_weight_is_the_one_that_the_layer_sums_along(string way)
    {
        var weight = Weight(way, out var constant);
        Assert.Same(constant, weight.Constant);
        Assert.Equal((new Shape(8, 6), 1, 0, 8), (weight.Shape, weight.OutputAxis!.Value, weight.ReductionAxis, weight.Reduction));
        Assert.Equal(way.Contains("quantized", StringComparison.Ordinal), weight.IsQuantized);
        var layout = weight.Layout!.Value;
        // Marks the stored elements with their index along the reduction: the layer must read that index in each of its rows.
        var marks = Tensor.Zeros<float>(constant.Type.ToShape());
        for (var i = 0; i < marks.Length; i++) marks.Data[i] = i / layout.Inner % layout.Reduction;
        var seen = WeightOperand.Evaluate(Bring(way, marks))!.As<float>().Data;
        Assert.Equal(Enumerable.Range(0, 48).Select(i => (float)(i / 6)), seen);
    }

    [Theory]
    [InlineData("blocks inside of the reduction change places")]
    [InlineData("outputs between the blocks of the reduction")]
    public void A_transpose_that_takes_the_reduction_apart_has_no_layout(string what)
    {
        var graph = new Graph();
        var isShuffle = what.StartsWith("blocks", StringComparison.Ordinal);
        var stored = graph.AddConstant("w", Tensor.Zeros<float>(isShuffle ? new Shape(2, 4, 6) : new Shape(2, 6, 4)));
        var operand = Reshape(graph, graph.Add(new Transpose(isShuffle ? [1, 0, 2] : [0, 2, 1]), stored), 8, 6);
        var layer = graph.AddNode(new MatMul(), [graph.AddInput("x", TensorType.Float32(2, 8)), operand]);
        var weight = WeightOperand.Of(layer)!;
        Assert.Same(stored, weight.Constant);
        Assert.Null(weight.Layout);
    }

    [Fact]
    public void A_weight_that_passes_an_integer_is_not_followed()
    {
        var graph = new Graph();
        var rounded = graph.Add(new Cast(DataType.Float32), graph.Add(new Cast(DataType.Int32), graph.AddConstant("w", Tensor.Zeros<float>(new Shape(8, 6)))));
        Assert.Null(WeightOperand.Of(graph.AddNode(new MatMul(), [graph.AddInput("x", TensorType.Float32(2, 8)), rounded])));
    }

    [Fact]
    public void The_summary_lists_the_layer_with_the_pattern_along_its_reduction()
    {
        var graph = new Graph();
        // [6, 8], each row 1 1 0 0 1 1 0 0: 2:4 along axis 1, which MatMul reduces after the Transpose.
        var stored = Tensor.Create(new Shape(6, 8), Enumerable.Range(0, 48).Select(i => i % 4 < 2 ? 1f : 0).ToArray());
        var w = graph.Add(new Transpose(), graph.AddConstant("w", stored));
        graph.AddOutput(graph.AddNode(new MatMul(), [graph.AddInput("x", TensorType.Float32(2, 8)), w], "fc").Output);
        var layer = Assert.Single(GraphSummary.Of(graph).Layers);
        Assert.Equal(("fc", new Shape(8, 6), true, 24L, Precision.Float), (layer.Name, layer.WeightShape, layer.Is24Sparse!.Value, layer.Zeros, layer.Precision));
    }

    private static WeightOperand Weight(string way, out Value constant)
    {
        var graph = new Graph();
        var (stored, bring) = s_ways[way];
        constant = graph.AddConstant("w", Tensor.Zeros<float>(stored));
        return WeightOperand.Of(graph.AddNode(new MatMul(), [graph.AddInput("x", TensorType.Float32(2, 8)), bring(graph, constant)]))!;
    }

    private static Value Bring(string way, Tensor stored)
    {
        var graph = new Graph();
        return s_ways[way].Bring(graph, graph.AddConstant("w", stored));
    }

    private static Value Reshape(Graph graph, Value x, params ReadOnlySpan<long> shape) => graph.Add(new Reshape(), x, graph.AddConstant("shape", Tensor.Vector(shape)));

    private static Value Quantized(Graph graph, Value x)
    {
        var scale = graph.AddConstant("scale", Tensor.Scalar(1f));
        var zero = graph.AddConstant("zero", Tensor.Scalar((sbyte)0));
        return graph.Add(new DequantizeLinear(), graph.Add(new QuantizeLinear(), x, scale, zero), scale, zero);
    }
}
