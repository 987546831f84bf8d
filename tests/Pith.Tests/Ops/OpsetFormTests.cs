using Pith.Ops;

namespace Pith.Tests.Ops;

/// <summary>Ops whose operands or attributes changed between opsets read to one form and write each opset's own.</summary>
public class OpsetFormTests
{
    private static readonly Tensor<long> s_axes = Tensor.Vector(1L, -1L);

    [Theory]
    [InlineData("Squeeze", 13)]
    [InlineData("Unsqueeze", 13)]
    [InlineData("ReduceSum", 13)]
    [InlineData("ReduceMean", 18)]
    [InlineData("ReduceL2", 18)]
    public void Axes_are_an_attribute_of_old_opsets_and_an_operand_of_new_ones(string name, int operandSince)
    {
        var old = OpForms.Read(name, operandSince - 1, new() { ["axes"] = new[] { 1L, -1L } }, [null]);
        var (op, reader) = OpForms.Read(name, operandSince, [], null, s_axes);
        Assert.Equal(old.Op, op);
        Assert.Null(reader.ReplacedInputs[1]);

        Assert.Equal([1L, -1L], (long[])OpForms.Write(op, operandSince - 1).Attributes["axes"]);
        var written = OpForms.Write(op, operandSince);
        Assert.False(written.Attributes.ContainsKey("axes"));
        Assert.Equal([1L, -1L], written.ExtraInputs[1].ToInt64s());
    }

    [Fact]
    public void Axes_that_are_computed_at_run_time_are_refused_with_the_nodes_name()
    {
        var failure = Assert.Throws<PithException>(() => OpForms.Read("Unsqueeze", 13, [], null, null));
        Assert.Contains("Unsqueeze 'node' (opset 13): operand 1 must be a constant", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reduction_of_no_axes_is_an_identity_when_it_says_so()
    {
        var noop = new Dictionary<string, object> { ["noop_with_empty_axes"] = 1L };
        Assert.Equal(new Identity(), OpForms.Read("ReduceSum", 18, noop, null, Tensor.Vector<long>()).Op);
        Assert.Equal(new ReduceSum(), OpForms.Read("ReduceSum", 18, [], null, Tensor.Vector<long>()).Op);
    }

    [Fact]
    public void Clip_bounds_of_old_opsets_become_operands()
    {
        var (_, reader) = OpForms.Read("Clip", 6, new() { ["min"] = -1f, ["max"] = 6f }, [null]);
        Assert.Equal(-1f, reader.ReplacedInputs[1]!.As<float>().Data[0]);
        Assert.Equal(6f, reader.ReplacedInputs[2]!.As<float>().Data[0]);
    }

    [Fact]
    public void Slice_bounds_of_old_opsets_become_operands()
    {
        var (_, reader) = OpForms.Read("Slice", 1, new() { ["starts"] = new[] { 1L }, ["ends"] = new[] { 2L }, ["axes"] = new[] { 0L } }, [null]);
        Assert.Equal([1, 2, 3], reader.ReplacedInputs.Keys.Order());
    }

    [Fact]
    public void Pad_amounts_of_old_opsets_become_operands_and_axes_an_attribute()
    {
        var (_, old) = OpForms.Read("Pad", 2, new() { ["pads"] = new[] { 0L, 1L, 0L, 1L }, ["value"] = 2f, ["mode"] = "constant" }, [null]);
        Assert.Equal([0L, 1L, 0L, 1L], old.ReplacedInputs[1]!.ToInt64s());
        var (op, _) = OpForms.Read("Pad", 18, new() { ["mode"] = "reflect" }, null, Tensor.Vector(1L, 1L), null, Tensor.Vector(3L));
        Assert.Equal(new Pad(PadMode.Reflect, [3]), op);
        Assert.Contains("opset 18", Assert.Throws<PithException>(() => OpForms.Write(op, 17)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Split_writes_the_number_of_parts_where_the_opset_asks_for_it()
    {
        Assert.Equal(3L, OpForms.Write(new Split(0, 3), 18).Attributes["num_outputs"]);
        Assert.False(OpForms.Write(new Split(0, 3), 17).Attributes.ContainsKey("num_outputs"));
        Assert.Equal([1L, 2L], OpForms.Write(new Split(0, 2, [1, 2]), 13).ExtraInputs[1].ToInt64s());
        Assert.Equal([1L, 2L], (long[])OpForms.Write(new Split(0, 2, [1, 2]), 12).Attributes["split"]);
    }

    [Fact]
    public void Dropout_in_training_mode_is_refused()
    {
        Assert.Equal(new Dropout(0.2f), OpForms.Read("Dropout", 13, [], null, Tensor.Scalar(0.2f), Tensor.Scalar(false)).Op);
        Assert.Contains("training_mode", Assert.Throws<PithException>(() => OpForms.Read("Dropout", 13, [], null, Tensor.Scalar(0.2f), Tensor.Scalar(true))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cast_to_a_type_without_tensors_is_refused() =>
        Assert.Contains("element type 18", Assert.Throws<PithException>(() => OpForms.Read("Cast", 19, new() { ["to"] = 18L }, [null])).Message, StringComparison.Ordinal);

    [Fact]
    public void A_cast_to_8_bit_floats_saturates()
    {
        Assert.Equal(new Cast(DataType.Float8E4M3), OpForms.Read("Cast", 19, new() { ["to"] = 17L, ["saturate"] = 1L }, [null]).Op);
        Assert.Contains("saturation only", Assert.Throws<PithException>(() => OpForms.Read("Cast", 19, new() { ["to"] = 17L, ["saturate"] = 0L }, [null])).Message, StringComparison.Ordinal);
        Assert.Equal(new Cast(DataType.Int8), OpForms.Read("Cast", 19, new() { ["to"] = 3L, ["saturate"] = 0L }, [null]).Op);
    }

    public static TheoryData<Op> OpsWithAttributes() =>
    [
        new LeakyRelu(0.3f), new Elu(2), new Celu(2), new Selu(1, 2), new HardSigmoid(0.1f, 0.4f), new ThresholdedRelu(0.5f), new Gelu(TanhApproximation: true), new Mod(Truncated: true), new Cast(DataType.Int8),
        new Concat(-2), new Gather(1), new GatherElements(1), new GatherND(1), new Transpose([1, 0]), new Flatten(0), new Reshape(AllowZero: true), new ShapeOf(1, -1), new DepthToSpace(2, true),
        new SpaceToDepth(3), ConstantOfShape.Of(7L), new ArgMax(1, false, true), new ReduceSum([0], false), new ReduceMax([0], false), new Squeeze([1]), new Unsqueeze([1]), new Pad(PadMode.Edge, [1]),
        new Dropout(0.25f), new Relu(), new Clip(),
    ];

    [Theory]
    [MemberData(nameof(OpsWithAttributes))]
    public void An_op_that_is_written_reads_back_as_itself(Op op)
    {
        var written = OpForms.Write(op, 21);
        var last = written.ExtraInputs.Keys.DefaultIfEmpty(0).Max();
        var inputs = Enumerable.Range(0, last + 1).Select(written.ExtraInputs.GetValueOrDefault).ToArray();
        Assert.Equal(op, OpForms.Read(op.Schema.Name, 21, written.Attributes.ToDictionary(), inputs).Op);
    }

    [Fact]
    public void The_gradient_of_a_moving_op_carries_its_attributes()
    {
        var op = new MovementGradient(new DepthToSpace(3, ColumnRowDepth: true));
        var reader = new OpReader("MovementGradient", "node", 1, OpForms.Write(op, 21).Attributes, [null, null], 1);
        Assert.Equal(op, MovementGradient.Definition.Read(reader));
    }

    [Fact]
    public void The_gradient_of_an_activation_reads_back_with_its_forward_op()
    {
        var op = new UnaryGradient(new LeakyRelu(0.3f));
        var reader = new OpReader("UnaryGradient", "node", 1, OpForms.Write(op, 21).Attributes, [null, null], 1);
        Assert.Equal(op, UnaryGradient.Definition.Read(reader));
        Assert.Empty(reader.Unread);
    }
}
