using Pith.Ops;

namespace Pith.Tests.Gradients;

public class MovementGradientTests
{
    private static readonly Tensor<float> s_x = GradientCheck.Random(1, new Shape(2, 3, 4));

    public static TheoryData<Op> OpsWithOneOperand() =>
        [new Identity(), new Flatten(), new Flatten(2), new Transpose(), new Transpose([2, 0, 1]), new Unsqueeze([0, -1]), new Split(2, 3), new Split(1, 2, [1, 2]), new Dropout()];

    [Theory]
    [MemberData(nameof(OpsWithOneOperand))]
    public void An_op_that_moves_elements_moves_gradients_back(Op op) => GradientCheck.Check(op, s_x);

    [Theory]
    [MemberData(nameof(OpsWithOneOperand))]
    public void An_op_that_moves_elements_moves_gradients_back_under_a_symbolic_batch(Op op) =>
        GradientCheck.Check((graph, values) => graph.AddNode(op, [.. values]).Outputs, [s_x], symbolicBatch: true);

    [Fact]
    public void Squeeze_and_reshape_give_the_gradient_the_operands_shape()
    {
        GradientCheck.Check((graph, values) => graph.Add(new Squeeze([1]), values[0]), GradientCheck.Random(2, new Shape(2, 1, 3)));
        GradientCheck.Check((graph, values) => graph.Add(new Squeeze(), values[0]), GradientCheck.Random(2, new Shape(2, 1, 3, 1)));
        GradientCheck.Check((graph, values) => [graph.Add(new Reshape(), values[0], graph.AddConstant("shape", Tensor.Vector(0L, -1L)))], [s_x], symbolicBatch: true);
    }

    [Fact]
    public void Concat_splits_the_gradient() =>
        GradientCheck.Check(new Concat(1), GradientCheck.Random(3, new Shape(2, 3)), GradientCheck.Random(4, new Shape(2, 1)), GradientCheck.Random(5, new Shape(2, 2)));

    [Fact]
    public void Split_gives_zeros_for_a_part_that_the_loss_does_not_see() =>
        GradientCheck.Check((graph, values) => [graph.AddNode(new Split(2, 2), [values[0]]).Outputs[1]], [s_x], symbolicBatch: true);

    [Fact]
    public void A_slice_pads_the_gradient_with_zeros() =>
        GradientCheck.Check(
            (graph, values) => [graph.Add(new Slice(), values[0], graph.AddConstant("starts", Tensor.Vector(1L, -3L)), graph.AddConstant("ends", Tensor.Vector(long.MaxValue, -1L)), graph.AddConstant("axes", Tensor.Vector(1L, 2L)))],
            [s_x], symbolicBatch: true);

    [Fact]
    public void A_constant_pad_slices_the_gradient() =>
        GradientCheck.Check(
            (graph, values) => [graph.Add(new Pad(), values[0], graph.AddConstant("pads", Tensor.Vector(0L, 1L, 0L, 0L, 2L, 1L)), graph.AddConstant("value", Tensor.Scalar(5f)))],
            [s_x], symbolicBatch: true);

    [Fact]
    public void Expand_sums_the_gradients_of_its_copies()
    {
        GradientCheck.Check((graph, values) => graph.Add(new Expand(), values[0], graph.AddConstant("shape", Tensor.Vector(2L, 3L, 4L))), GradientCheck.Random(6, new Shape(3, 1)));
        GradientCheck.Check((graph, values) => graph.Add(new Expand(), values[0], graph.AddConstant("shape", Tensor.Vector(2L, 1L, 1L))), GradientCheck.Random(6, new Shape(3, 1)));
    }

    public static TheoryData<Op> Reductions() =>
        [new ReduceSum(), new ReduceSum([1], KeepDims: false), new ReduceMean([-1]), new ReduceMean([1, 2], KeepDims: false), new ReduceMean(KeepDims: false)];

    [Theory]
    [MemberData(nameof(Reductions))]
    public void A_reduction_spreads_its_gradient(Op op)
    {
        GradientCheck.Check(op, s_x);
        GradientCheck.Check((graph, values) => graph.AddNode(op, [.. values]).Outputs, [s_x], symbolicBatch: true);
    }
}
