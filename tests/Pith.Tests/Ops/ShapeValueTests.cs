using Pith.Ops;

namespace Pith.Tests.Ops;

/// <summary>Shape arithmetic keeps a symbolic batch, so that networks exported with a dynamic batch import without it being fixed.</summary>
public class ShapeValueTests
{
    private readonly Graph _graph = new();
    private readonly Value _x;

    public ShapeValueTests() => _x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 8, 4, 4));

    private Value Constant(params long[] values) => _graph.AddConstant("c", Tensor.Vector<long>(values));

    private Value Scalar(long value) => _graph.AddConstant("c", Tensor.Scalar(value));

    [Fact]
    public void The_view_of_a_classifier_keeps_its_batch()
    {
        var batch = _graph.Add(new Gather(), _graph.Add(new ShapeOf(), _x), Scalar(0));
        var shape = _graph.Add(new Concat(0), _graph.Add(new Unsqueeze([0]), batch), Constant(-1));
        Assert.Equal("f32[N,128]", _graph.Add(new Reshape(), _x, shape).Type.ToString());
    }

    [Fact]
    public void A_channel_shuffle_divides_a_known_size()
    {
        var shape = _graph.Add(new ShapeOf(), _x);
        var groups = _graph.Add(new Div(), _graph.Add(new Gather(), shape, Scalar(1)), Scalar(2));
        var batch = _graph.Add(new Slice(), shape, Constant(0), Constant(1));
        var wanted = _graph.Add(new Concat(0), batch, Constant(2), _graph.Add(new Unsqueeze([0]), groups), _graph.Add(new ShapeOf(2), _x));
        Assert.Equal("f32[N,2,4,4,4]", _graph.Add(new Reshape(), _x, wanted).Type.ToString());
    }

    [Fact]
    public void Products_and_quotients_of_the_batch_are_known()
    {
        var batch = _graph.Add(new Slice(), _graph.Add(new ShapeOf(), _x), Constant(0), Constant(1));
        var many = _graph.Add(new Mul(), batch, Constant(8));
        Assert.Equal("[8*N]", many.ShapeValue.ToString());
        Assert.Equal("[2*N]", _graph.Add(new Div(), many, Constant(4)).ShapeValue.ToString());
        Assert.Equal("[0]", _graph.Add(new Sub(), many, many).ShapeValue.ToString());
        Assert.Equal("[N]", _graph.Add(new Add(), batch, Constant(0)).ShapeValue.ToString());
        Assert.Equal("f32[8*N,16]", _graph.Add(new Reshape(), _x, _graph.Add(new Concat(0), many, Constant(-1))).Type.ToString());
    }

    [Fact]
    public void Casts_squeezes_splits_and_identities_pass_contents_on()
    {
        var shape = _graph.Add(new ShapeOf(), _x);
        Assert.Equal("[N,8,4,4]", _graph.Add(new Cast(DataType.Int32), _graph.Add(new Identity(), shape)).ShapeValue.ToString());
        var parts = _graph.AddNode(new Split(0, 2), [shape]);
        Assert.Equal("[4,4]", parts.Outputs[1].ShapeValue.ToString());
        Assert.Equal("[N]", _graph.Add(new Squeeze([0]), _graph.Add(new Unsqueeze([0]), _graph.Add(new Gather(), shape, Scalar(0)))).ShapeValue.ToString());
        Assert.Equal("[128*N]", _graph.Add(new Size(), _x).ShapeValue.ToString());
    }

    [Fact]
    public void Ranges_and_fills_are_known_when_their_bounds_are()
    {
        Assert.Equal("[1,3,5]", _graph.Add(new Pith.Ops.Range(), Scalar(1), Scalar(6), Scalar(2)).ShapeValue.ToString());
        Assert.Equal("[7,7]", _graph.Add(ConstantOfShape.Of(7L), Constant(2)).ShapeValue.ToString());
        Assert.Equal("f32[N,3]", _graph.Add(ConstantOfShape.Of(0f), _graph.Add(new Concat(0), _graph.Add(new ShapeOf(0, 1), _x), Constant(3))).Type.ToString());
        Assert.Equal("[4,4,4]", _graph.Add(new Expand(), _graph.Add(new ShapeOf(3), _x), Constant(3)).ShapeValue.ToString());
    }

    [Fact]
    public void A_computed_bound_counts_as_constant_when_it_has_no_symbols()
    {
        var channels = _graph.Add(new ShapeOf(1, 2), _x);
        var half = _graph.Add(new Div(), channels, Constant(2));
        Assert.Equal("f32[N,4,4,4]", _graph.Add(new Slice(), _x, Constant(0), half, Constant(1)).Type.ToString());
    }

    [Fact]
    public void A_slice_up_to_the_batch_takes_all_of_it() =>
        Assert.Equal("f32[N,8,4,4]", _graph.Add(new Slice(), _x, Constant(0), _graph.Add(new ShapeOf(0, 1), _x), Constant(0)).Type.ToString());

    [Fact]
    public void An_exported_expand_keeps_the_batch_where_its_sizes_are_minus_one()
    {
        // Expand(token, Where(Equal(sizes, -1), 1, sizes)) is what exporters write for token.expand(N, -1, -1).
        var token = _graph.AddInput("token", TensorType.Float32(1, 1, 6));
        var sizes = _graph.Add(new Concat(0), _graph.Add(new ShapeOf(0, 1), _x), Constant(-1, -1));
        var ones = _graph.Add(ConstantOfShape.Of(1L), Constant(3));
        var keep = _graph.Add(new Equal(), sizes, _graph.Add(new Mul(), ones, Scalar(-1)));
        Assert.Equal("f32[N,1,6]", _graph.Add(new Expand(), token, _graph.Add(new Where(), keep, ones, sizes)).Type.ToString());
    }

    [Fact]
    public void The_content_of_a_matrix_is_not_followed()
    {
        var column = _graph.Add(new Unsqueeze([1]), Constant(2, 3));
        Assert.Null(column.ShapeValue);
        Assert.Null(_graph.Add(new Add(), column, Constant(1, 1)).ShapeValue);
    }

    [Fact]
    public void A_shape_that_nobody_knows_is_refused_with_a_reason()
    {
        var unknown = _graph.AddInput("shape", new TensorType(DataType.Int64, [2]));
        var failure = Assert.Throws<PithException>(() => _graph.Add(new Reshape(), _x, unknown));
        Assert.Contains("'shape'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("decides the shape of the output", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new long[] { 0, -1 }, "f32[N,128]")]
    [InlineData(new long[] { -1, 16 }, "f32[8*N,16]")]
    [InlineData(new long[] { -1, 0, 16 }, "f32[N,8,16]")]
    [InlineData(new long[] { -1 }, "f32[128*N]")]
    public void Reshape_solves_for_the_open_size(long[] shape, string expected) =>
        Assert.Equal(expected, _graph.Add(new Reshape(), _x, Constant(shape)).Type.ToString());

    [Fact]
    public void Reshape_refuses_another_number_of_elements()
    {
        var fixedSize = _graph.AddInput("y", TensorType.Float32(2, 3));
        Assert.Contains("cannot be reshaped", Assert.Throws<PithException>(() => _graph.Add(new Reshape(), fixedSize, Constant(4, 2))).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be reshaped", Assert.Throws<PithException>(() => _graph.Add(new Reshape(), fixedSize, Constant(4, -1))).Message, StringComparison.Ordinal);
    }
}
