using Pith.Ops;
using Pith.Passes;

namespace Pith.Tests.Passes;

/// <summary>Every spelling of a matrix product with constant weights becomes the one Gemm that layers are recognised in, with the same result.</summary>
public class RegularGemmTests
{
    private const int Rows = 3, Depth = 6, Columns = 4;

    private readonly Graph _graph = new("gemm");

    private Value Constant(string name, params int[] dims)
    {
        var random = new Random(name.Length + dims.Length);
        return _graph.AddConstant(name, Tensor.Create(new Shape(dims), Enumerable.Range(0, dims.Aggregate(1, (a, b) => a * b)).Select(_ => random.Next(-4, 5) * 0.25f).ToArray()));
    }

    private IReadOnlyList<Node> Simplified(Value x, Value output)
    {
        _graph.AddOutput(output);
        var random = new Random(2);
        var shape = x.Type.ToShape();
        var data = Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => random.Next(-8, 9) * 0.5f).ToArray());
        var want = GraphInterpreter.Run(_graph, [data])[0].As<float>().Data;
        PassRunner.RunToFixpoint(_graph, Pipelines.Simplify);
        var got = GraphInterpreter.Run(_graph, [data])[0].As<float>().Data;
        for (var i = 0; i < want.Length; i++) Assert.Equal(want[i], got[i], 1e-5f);
        return _graph.Nodes;
    }

    private Value X(bool transposed = false) => _graph.AddInput("x", TensorType.Float32(transposed ? [Depth, Rows] : [Rows, Depth]));

    [Theory]
    [InlineData(0.5f, 1)]
    [InlineData(-0.3f, 2.5f)]
    [InlineData(1, 0)]
    [InlineData(1, -2)]
    public void Factors_move_into_weight_and_bias(float alpha, float beta)
    {
        var x = X();
        var nodes = Simplified(x, _graph.AddNode(new Gemm { Alpha = alpha, Beta = beta, TransB = true }, [x, Constant("weight", Columns, Depth), Constant("bias", Columns)], "fc", ["y"]).Output);
        var gemm = Assert.Single(nodes);
        Assert.Equal(("fc", "y", new Gemm { TransB = true }), (gemm.Name, gemm.Output.Name, gemm.Op));
    }

    [Theory]
    [InlineData(1, Columns)]
    [InlineData(1, 1)]
    [InlineData(1)]
    [InlineData]
    public void A_bias_of_one_row_or_one_number_has_one_element_per_column(params int[] dims)
    {
        var x = X();
        var gemm = Assert.Single(Simplified(x, _graph.Add(new Gemm(), x, Constant("weight", Depth, Columns), Constant("bias", dims))));
        Assert.Equal(new Shape(Columns), gemm.Inputs[2]!.Constant!.Shape);
    }

    [Theory]
    [InlineData(Rows, Columns)]
    [InlineData(Rows, 1)]
    public void A_bias_of_its_own_for_each_row_is_added_afterwards(params int[] dims)
    {
        var x = X();
        var nodes = Simplified(x, _graph.AddNode(new Gemm { Alpha = 2, Beta = 0.5f }, [x, Constant("weight", Depth, Columns), Constant("bias", dims)], "fc", ["y"]).Output);
        Assert.Equal(["Gemm", "Add"], nodes.Select(node => node.Op.Schema.Name));
        Assert.Equal(("fc", 2, "y"), (nodes[0].Name, nodes[0].Inputs.Count, nodes[1].Output.Name));
    }

    [Fact]
    public void A_computed_bias_is_scaled_and_added_afterwards()
    {
        var x = X();
        var bias = _graph.Add(new ReduceSum([1]), x);
        var nodes = Simplified(x, _graph.Add(new Gemm { Alpha = 0.5f, Beta = 2 }, x, Constant("weight", Depth, Columns), bias));
        Assert.Equal(new Gemm(), Assert.Single(nodes, node => node.Op is Gemm).Op);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0.25f)]
    public void A_transposed_left_operand_gets_a_Transpose(float alpha)
    {
        var x = X(transposed: true);
        var nodes = Simplified(x, _graph.Add(new Gemm { Alpha = alpha, TransA = true, TransB = true }, x, Constant("weight", Columns, Depth), Constant("bias", 1, Columns)));
        Assert.Equal(["Transpose", "Gemm"], nodes.Select(node => node.Op.Schema.Name));
    }

    [Fact]
    public void The_product_of_two_computed_matrices_keeps_its_transposed_operand_and_no_factor()
    {
        var x = X(transposed: true);
        var nodes = Simplified(x, _graph.Add(new Gemm { Alpha = 3, TransA = true }, x, _graph.Add(new Relu(), x)));
        Assert.Equal(["Relu", "Gemm", "Mul"], nodes.Select(node => node.Op.Schema.Name));
    }

    [Fact]
    public void A_MatMul_and_a_bias_of_one_row_are_a_Gemm()
    {
        var x = X();
        var gemm = Assert.Single(Simplified(x, _graph.Add(new Add(), Constant("bias", 1, Columns), _graph.Add(new MatMul(), x, Constant("weight", Depth, Columns)))));
        Assert.Equal(1, gemm.Inputs[2]!.Type.Rank);
    }

    [Fact]
    public void Quantized_weights_take_a_factor_in_their_scales()
    {
        var x = X();
        var integers = _graph.AddConstant("q", Tensor.Create(new Shape(2, Depth), new sbyte[] { 1, -2, 3, -4, 5, -6, 7, -8, 9, 10, -11, 12 }));
        var weight = _graph.Add(new DequantizeLinear { Axis = 0 }, integers, _graph.AddConstant("scale", Tensor.Vector(0.25f, 0.5f)));
        var nodes = Simplified(x, _graph.Add(new Gemm { Alpha = 0.5f, TransB = true }, x, weight));
        Assert.Equal(["DequantizeLinear", "Gemm"], nodes.Select(node => node.Op.Schema.Name));
        Assert.Equal([0.125f, 0.25f], nodes[0].Inputs[1]!.Constant!.As<float>().Data);
    }

    [Fact]
    public void For_training_what_layers_share_stays_shared()
    {
        var x = X();
        var (weight, bias) = (Constant("weight", Depth, Depth), Constant("bias", Depth));
        var first = _graph.Add(new Gemm { Alpha = 0.5f, Beta = 2 }, x, weight, bias);
        _graph.AddOutput(_graph.Add(new Gemm { Alpha = 0.25f, Beta = 3 }, first, weight, bias));
        PassRunner.RunToFixpoint(_graph, Pipelines.SimplifyKeepingBatchNorm);
        Assert.Equal(2, _graph.Find("weight")!.Uses.Count);
        Assert.All(_graph.Nodes.Where(node => node.Op is Gemm), node => Assert.Equal(new Gemm(), node.Op));
    }
}
