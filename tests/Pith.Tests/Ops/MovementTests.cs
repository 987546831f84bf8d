using Pith.Ops;

namespace Pith.Tests.Ops;

public class MovementTests
{
    private static readonly Tensor<float> s_row = Tensor.Vector(1f, 2f, 3f, 4f);
    private static readonly Tensor<float> s_matrix = Tensor.Create(new Shape(2, 3), new float[] { 1, 2, 3, 4, 5, 6 });

    private static Tensor Run(Op op, params Tensor?[] inputs)
    {
        var graph = new Graph();
        var values = inputs.Select(input => input is null ? null : graph.AddConstant("c", input)).ToArray();
        var node = graph.AddNode(op, values);
        var results = op.Evaluate(inputs, node.Outputs.Count);
        for (var i = 0; i < results.Length; i++) Assert.True(node.Outputs[i].Type.Accepts(TensorType.Of(results[i])), $"{node}: inferred {node.Outputs[i].Type}, computed {results[i]}");
        return results[0];
    }

    private static void Expect(Tensor actual, string shape, params float[] elements)
    {
        Assert.Equal(shape, actual.Shape.ToString());
        Assert.Equal(elements, actual.As<float>().Data);
    }

    [Theory]
    [InlineData(PadMode.Constant, new float[] { 0, 0, 1, 2, 3, 4, 0, 0, 0 })]
    [InlineData(PadMode.Edge, new float[] { 1, 1, 1, 2, 3, 4, 4, 4, 4 })]
    [InlineData(PadMode.Reflect, new float[] { 3, 2, 1, 2, 3, 4, 3, 2, 1 })]
    [InlineData(PadMode.Wrap, new float[] { 3, 4, 1, 2, 3, 4, 1, 2, 3 })]
    public void Pad_continues_the_operand_as_its_mode_says(PadMode mode, float[] expected) =>
        Expect(Run(new Pad(mode), s_row, Tensor.Vector(2L, 3L)), "[9]", expected);

    [Fact]
    public void Pad_with_negative_amounts_removes_elements_and_axes_pick_where()
    {
        Expect(Run(new Pad(), s_row, Tensor.Vector(-1L, 1L), Tensor.Scalar(9f)), "[4]", 2, 3, 4, 9);
        Expect(Run(new Pad(PadMode.Constant, [-1]), s_matrix, Tensor.Vector(0L, -1L)), "[2,2]", 1, 2, 4, 5);
    }

    [Theory]
    [InlineData(1, 3, 1, new float[] { 2, 3 })]
    [InlineData(-2, long.MaxValue, 1, new float[] { 3, 4 })]
    [InlineData(0, -1, 2, new float[] { 1, 3 })]
    [InlineData(-1, long.MinValue, -1, new float[] { 4, 3, 2, 1 })]
    [InlineData(10, 0, -2, new float[] { 4, 2 })]
    [InlineData(3, 1, 1, new float[0])]
    public void Slice_takes_what_numpy_takes(long start, long end, long step, float[] expected) =>
        Expect(Run(new Slice(), s_row, Tensor.Vector(start), Tensor.Vector(end), Tensor.Vector(0L), Tensor.Vector(step)), $"[{expected.Length}]", expected);

    [Fact]
    public void Transpose_reverses_axes_without_a_permutation() => Expect(Run(new Transpose(), s_matrix), "[3,2]", 1, 4, 2, 5, 3, 6);

    [Fact]
    public void Tile_and_expand_repeat()
    {
        Expect(Run(new Tile(), s_matrix, Tensor.Vector(1L, 2L)), "[2,6]", 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6);
        Expect(Run(new Expand(), Tensor.Vector(1f, 2f), Tensor.Vector(2L, 1L)), "[2,2]", 1, 2, 1, 2);
    }

    [Fact]
    public void Split_leaves_the_rest_to_the_last_part()
    {
        var graph = new Graph();
        var parts = graph.AddNode(new Split(0, 3), [graph.AddConstant("x", Tensor.Vector(1f, 2f, 3f, 4f, 5f, 6f, 7f))]);
        Assert.Equal(["f32[3]", "f32[3]", "f32[1]"], parts.Outputs.Select(part => part.Type.ToString()));
        Assert.Equal([7f], parts.Op.Evaluate([parts.Inputs[0]!.Constant], 3)[2].As<float>().Data);
    }

    [Fact]
    public void Concat_joins_along_any_axis_and_takes_empty_operands()
    {
        Expect(Run(new Concat(1), s_matrix, Tensor.Create(new Shape(2, 1), new[] { 7f, 8f })), "[2,4]", 1, 2, 3, 7, 4, 5, 6, 8);
        Expect(Run(new Concat(0), s_row, Tensor.Vector<float>()), "[4]", 1, 2, 3, 4);
    }

    [Fact]
    public void Gather_counts_negative_indices_from_the_end_and_refuses_others_outside()
    {
        Expect(Run(new Gather(1), s_matrix, Tensor.Scalar(-1L)), "[2]", 3, 6);
        Expect(Run(new Gather(1), s_matrix, Tensor.Create(new Shape(1, 2), new[] { 0, 2 })), "[2,1,2]", 1, 3, 4, 6);
        Assert.Contains("outside an axis of size 3", Assert.Throws<PithException>(() => Run(new Gather(1), s_matrix, Tensor.Scalar(3L))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GatherND_walks_shared_batch_axes_together() =>
        Expect(Run(new GatherND(1), s_matrix, Tensor.Create(new Shape(2, 1), new[] { 2L, 0L })), "[2]", 3, 4);

    [Fact]
    public void Depth_to_space_undoes_space_to_depth()
    {
        var x = Tensor.Create(new Shape(2, 3, 4, 6), Enumerable.Range(0, 144).Select(i => (float)i).ToArray());
        Assert.Equal(x.Data, Run(new DepthToSpace(2), Run(new SpaceToDepth(2), x)).As<float>().Data);
        var shuffled = Run(new DepthToSpace(2, ColumnRowDepth: true), Tensor.Create(new Shape(1, 8, 1, 1), new float[] { 0, 1, 2, 3, 4, 5, 6, 7 }));
        Expect(shuffled, "[1,2,2,2]", 0, 1, 2, 3, 4, 5, 6, 7);
    }

    [Fact]
    public void Scalars_survive_every_reshaping_op()
    {
        var scalar = Tensor.Scalar(5f);
        Expect(Run(new Flatten(0), scalar), "[1,1]", 5);
        Expect(Run(new Unsqueeze([0]), scalar), "[1]", 5);
        Expect(Run(new Transpose(), scalar), "[]", 5);
        Expect(Run(new Reshape(), scalar, Tensor.Vector(1L, -1L)), "[1,1]", 5);
    }

    [Fact]
    public void Range_counts_up_and_down()
    {
        Expect(Run(new Pith.Ops.Range(), Tensor.Scalar(1f), Tensor.Scalar(2f), Tensor.Scalar(0.4f)), "[3]", 1f, 1.4f, 1.8f);
        Assert.Equal([10, 6], Run(new Pith.Ops.Range(), Tensor.Scalar(10), Tensor.Scalar(4), Tensor.Scalar(-4)).As<int>().Data);
    }
}
