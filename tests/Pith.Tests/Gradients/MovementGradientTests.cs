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

    [Theory]
    [InlineData(0, 2, -2L, 4L)] // elements from after, with a step
    [InlineData(3, 0, -1L, -1L)] // backwards
    public void A_slice_with_a_step_gives_the_gradient_back_to_where_elements_came_from(long start, long otherStart, long step, long end) =>
        GradientCheck.Check(
            (graph, values) => [graph.Add(new Slice(), values[0],
                graph.AddConstant("starts", Tensor.Vector(step < 0 ? 3L : start, otherStart)), graph.AddConstant("ends", Tensor.Vector(step < 0 ? long.MinValue : end, 3L)),
                graph.AddConstant("axes", Tensor.Vector(2L, 1L)), graph.AddConstant("steps", Tensor.Vector(step, 2L)))],
            [s_x], symbolicBatch: true);

    [Theory]
    [InlineData(PadMode.Edge)]
    [InlineData(PadMode.Reflect)]
    [InlineData(PadMode.Wrap)]
    public void A_pad_that_repeats_elements_adds_their_gradients(PadMode mode) =>
        GradientCheck.Check((graph, values) => [graph.Add(new Pad(mode), values[0], graph.AddConstant("pads", Tensor.Vector(0L, 1L, 2L, 0L, 2L, 1L)))], [s_x], symbolicBatch: true);

    [Fact]
    public void A_pad_that_removes_elements_gives_them_no_gradient() =>
        GradientCheck.Check(
            (graph, values) => [graph.Add(new Pad(), values[0], graph.AddConstant("pads", Tensor.Vector(0L, -1L, 1L, 0L, 1L, -1L)), graph.AddConstant("value", Tensor.Scalar(3f)))], [s_x]);

    [Fact]
    public void Gathering_adds_the_gradients_of_what_was_picked_several_times()
    {
        var indices = Tensor.Create(new Shape(2, 2), new long[] { 1, 2, 1, -3 });
        GradientCheck.Check((graph, values) => [graph.Add(new Gather(1), values[0], graph.AddConstant("indices", indices))], [s_x], symbolicBatch: true);
        GradientCheck.Check((graph, values) => graph.Add(new Gather(), values[0], graph.AddConstant("index", Tensor.Scalar(1L))), s_x);
        GradientCheck.Check((graph, values) => graph.Add(new GatherElements(1), values[0], graph.AddConstant("indices", Tensor.Create(new Shape(2, 2, 2), new long[] { 0, 0, 2, 1, -1, 0, 1, 1 }))), s_x);
        GradientCheck.Check((graph, values) => graph.Add(new GatherND(), values[0], graph.AddConstant("indices", Tensor.Create(new Shape(3, 2), new long[] { 0, 1, 1, 2, 0, 1 }))), s_x);
    }

    [Fact]
    public void Tile_and_the_ops_between_depth_and_space_move_gradients_back()
    {
        GradientCheck.Check((graph, values) => [graph.Add(new Tile(), values[0], graph.AddConstant("repeats", Tensor.Vector(1L, 2L, 3L)))], [s_x], symbolicBatch: true);
        foreach (var op in new Op[] { new DepthToSpace(2), new DepthToSpace(2, ColumnRowDepth: true), new SpaceToDepth(2) })
            GradientCheck.Check((graph, values) => [graph.Add(op, values[0])], [GradientCheck.Random(7, new Shape(2, 4, 2, 4))], symbolicBatch: true);
    }

    [Fact]
    public void Expand_sums_the_gradients_of_its_copies()
    {
        GradientCheck.Check((graph, values) => graph.Add(new Expand(), values[0], graph.AddConstant("shape", Tensor.Vector(2L, 3L, 4L))), GradientCheck.Random(6, new Shape(3, 1)));
        GradientCheck.Check((graph, values) => graph.Add(new Expand(), values[0], graph.AddConstant("shape", Tensor.Vector(2L, 1L, 1L))), GradientCheck.Random(6, new Shape(3, 1)));
    }

    public static TheoryData<Op> Extremes() =>
        [new ReduceMax(), new ReduceMax([1], KeepDims: false), new ReduceMin([-1, 0]), new ReduceMin([1, 2], KeepDims: false)];

    [Theory]
    [MemberData(nameof(Extremes))]
    public void A_largest_or_smallest_element_takes_the_gradient(Op op)
    {
        var values = Enumerable.Range(0, 24).Select(i => 0.1f * i).ToArray();
        new Random(3).Shuffle(values);
        GradientCheck.Check((graph, x) => graph.AddNode(op, [.. x]).Outputs, [Tensor.Create(s_x.Shape, values)], symbolicBatch: true);
    }

    [Fact]
    public void Norms_spread_their_gradient()
    {
        foreach (var op in new Op[] { new ReduceSumSquare([1], KeepDims: false), new ReduceSumSquare(), new ReduceL2([-1]), new ReduceL2([0, 2], KeepDims: false), new ReduceL1([1]) })
            GradientCheck.Check(op, GradientCheck.RandomAwayFrom(2, new Shape(2, 3, 4), 0));
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
