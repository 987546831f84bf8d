using Pith.Ops;
using Pith.Tests.Onnx;

namespace Pith.Tests.Ops;

public class ReductionTests
{
    private static readonly Tensor<float> s_x = Tensor.Create(new Shape(2, 3), new float[] { 1, -2, 3, 4, 5, -6 });

    public static TheoryData<Op, float[]> AlongRows() => new()
    {
        { new ReduceSum([1]), [2, 3] },
        { new ReduceMean([-1]), [2f / 3, 1] },
        { new ReduceMax([1]), [3, 5] },
        { new ReduceMin([1]), [-2, -6] },
        { new ReduceProd([1]), [-6, -120] },
        { new ReduceL1([1]), [6, 15] },
        { new ReduceL2([1]), [MathF.Sqrt(14), MathF.Sqrt(77)] },
        { new ReduceSumSquare([1]), [14, 77] },
        { new ReduceLogSum([1]), [MathF.Log(2), MathF.Log(3)] },
        { new ReduceLogSumExp([1]), [(float)Math.Log(Math.Exp(1) + Math.Exp(-2) + Math.Exp(3)), (float)Math.Log(Math.Exp(4) + Math.Exp(5) + Math.Exp(-6))] },
    };

    [Theory]
    [MemberData(nameof(AlongRows))]
    public void A_reduction_takes_the_elements_along_its_axes(Op op, float[] expected)
    {
        var graph = new Graph();
        Assert.Equal("f32[2,1]", graph.Add(op, graph.AddConstant("x", s_x)).Type.ToString());
        Assert.Equal(expected, op.Evaluate([s_x], 1)[0].As<float>().Data);
    }

    [Fact]
    public void Without_axes_everything_is_reduced_and_dropped_axes_leave_a_scalar()
    {
        var sum = new ReduceSum(KeepDims: false).Evaluate([s_x], 1)[0];
        Assert.Equal(0, sum.Shape.Rank);
        Assert.Equal(5f, sum.As<float>().Data[0]);
    }

    [Fact]
    public void Inner_and_outer_axes_are_reduced_together()
    {
        var x = Tensor.Create(new Shape(2, 2, 2), new float[] { 1, 2, 3, 4, 5, 6, 7, 8 });
        Assert.Equal([14f, 22f], new ReduceSum([2, 0], KeepDims: false).Evaluate([x], 1)[0].As<float>().Data);
    }

    [Fact]
    public void Nothing_sums_to_zero_and_has_no_largest_element()
    {
        var none = Tensor.Zeros<float>(new Shape(2, 0));
        Assert.Equal([0f, 0f], new ReduceSum([1]).Evaluate([none], 1)[0].As<float>().Data);
        Assert.Equal([float.NegativeInfinity, float.NegativeInfinity], new ReduceMax([1]).Evaluate([none], 1)[0].As<float>().Data);
        Assert.Equal([float.NegativeInfinity, float.NegativeInfinity], new ReduceLogSumExp([1]).Evaluate([none], 1)[0].As<float>().Data);
    }

    [Theory]
    [InlineData("ReduceSum", new[] { 1f, -2, 0 })]
    [InlineData("ReduceMean", new[] { 1f, -2, 0 })]
    [InlineData("ReduceMax", new[] { 1f, -2, 0 })]
    [InlineData("ReduceMin", new[] { 1f, -2, 0 })]
    [InlineData("ReduceProd", new[] { 1f, -2, 0 })]
    [InlineData("ReduceLogSumExp", new[] { 1f, -2, 0 })]
    [InlineData("ReduceL1", new[] { 1f, 2, 0 })]
    [InlineData("ReduceL2", new[] { 1f, 2, 0 })]
    [InlineData("ReduceSumSquare", new[] { 1f, 4, 0 })]
    [InlineData("ReduceLogSum", new[] { 0f, float.NaN, float.NegativeInfinity })]
    public void With_nothing_to_reduce_the_function_of_each_element_is_left(string op, float[] expected)
    {
        var x = Tensor.Vector(1f, -2f, 0f);
        foreach (var keepDims in new long[] { 0, 1 })
        foreach (var emptyAxes in new[] { false, true })
        {
            var model = new ModelBuilder(opset: 18).Input("x", "N");
            if (emptyAxes) model.Initializer("axes", Tensor.Zeros<long>(new Shape(0)));
            model.Node(op, "reduce", emptyAxes ? ["x", "axes"] : ["x"], ["y"], Attributes.Int("noop_with_empty_axes", 1), Attributes.Int("keepdims", keepDims)).Output("y");
            var graph = model.Load();
            Assert.Equal(expected, GraphInterpreter.Run(graph, [x])[0].As<float>().Data);
            Assert.Equal(expected, GraphInterpreter.Run(OnnxModel.Load(OnnxModel.ToBytes(graph)), [x])[0].As<float>().Data);
        }
    }

    [Fact]
    public void Integers_are_reduced_in_their_own_type()
    {
        var large = Tensor.Vector((1L << 60) + 1, 2L);
        Assert.Equal([(1L << 60) + 3], new ReduceSum([0]).Evaluate([large], 1)[0].As<long>().Data);
        Assert.Equal([(1L << 60) + 1], new ReduceMax([0]).Evaluate([large], 1)[0].As<long>().Data);
        Assert.Equal([ulong.MaxValue], new ReduceMax([0]).Evaluate([Tensor.Vector(1UL, ulong.MaxValue)], 1)[0].As<ulong>().Data);
        Assert.Equal([int.MinValue], new ReduceSum([0]).Evaluate([Tensor.Vector(int.MaxValue, 1)], 1)[0].As<int>().Data);
        Assert.Equal([100], new ReduceMean([0]).Evaluate([Tensor.Create(new Shape(256), Enumerable.Repeat<byte>(100, 256).ToArray())], 1)[0].As<byte>().Data);
        Assert.Equal([sbyte.MinValue], new ReduceMax([0]).Evaluate([Tensor.Zeros<sbyte>(new Shape(0))], 1)[0].As<sbyte>().Data);
    }

    [Fact]
    public void The_largest_truth_is_any_and_the_smallest_is_all()
    {
        var x = Tensor.Create(new Shape(2, 2), new[] { true, false, true, true });
        Assert.Equal([true, true], new ReduceMax([1]).Evaluate([x], 1)[0].As<bool>().Data);
        Assert.Equal([false, true], new ReduceMin([1]).Evaluate([x], 1)[0].As<bool>().Data);
    }

    [Fact]
    public void Log_sum_exp_does_not_overflow() =>
        Assert.Equal([1000f + MathF.Log(2)], new ReduceLogSumExp().Evaluate([Tensor.Vector(1000f, 1000f)], 1)[0].As<float>().Data);

    [Fact]
    public void Of_equal_elements_the_first_or_the_last_is_found()
    {
        var x = Tensor.Create(new Shape(1, 4), new float[] { 2, 7, 7, 2 });
        Assert.Equal([1L], new ArgMax(1).Evaluate([x], 1)[0].As<long>().Data);
        Assert.Equal([2L], new ArgMax(1, SelectLast: true).Evaluate([x], 1)[0].As<long>().Data);
        Assert.Equal([3L], new ArgMin(-1, KeepDims: false, SelectLast: true).Evaluate([x], 1)[0].As<long>().Data);
        Assert.Equal([0L, 0L, 1L], new ArgMax(0, KeepDims: false).Evaluate([Tensor.Create(new Shape(2, 3), new float[] { 1, 5, 2, 0, 4, 3 })], 1)[0].As<long>().Data);
    }
}
