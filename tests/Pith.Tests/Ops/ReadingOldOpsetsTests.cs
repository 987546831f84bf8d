using Pith.Ops;

namespace Pith.Tests.Ops;

/// <summary>Ops whose attributes or operands changed between opsets are read into one form.</summary>
public class ReadingOldOpsetsTests
{
    private static OpReader Reader(string op, int opset, Dictionary<string, object>? attributes = null, Tensor?[]? constants = null, int outputs = 1, TensorType[]? types = null) =>
        new(op, "node", opset, attributes ?? [], constants ?? [null], outputs, types);

    [Theory]
    [InlineData(12, 1, true)]
    [InlineData(12, 3, false)]
    [InlineData(13, 1, false)]
    public void Softmax_sums_over_several_axes_only_before_opset_13_and_where_there_are_several(int opset, int axis, bool flattens)
    {
        var reader = Reader("Softmax", opset, new() { ["axis"] = (long)axis }, types: [TensorType.Float32(1, 10, 4, 4)]);
        Assert.Equal(new Softmax { Axis = axis, FlattensTrailingAxes = flattens }, Softmax.Definition.Read(reader));
    }

    [Fact]
    public void Softmax_of_opset_11_over_a_1x1_map_is_an_ordinary_one() =>
        Assert.False(((Softmax)Softmax.Definition.Read(Reader("Softmax", 11, types: [TensorType.Float32(Dim.Named("N"), 10, 1, 1)]))).FlattensTrailingAxes);

    [Fact]
    public void Batch_norm_before_opset_14_trains_when_it_has_the_outputs_for_it()
    {
        Assert.False(((BatchNormalization)BatchNormalization.Definition.Read(Reader("BatchNormalization", 9))).TrainingMode);
        Assert.True(((BatchNormalization)BatchNormalization.Definition.Read(Reader("BatchNormalization", 9, outputs: 3))).TrainingMode);
        Assert.Throws<PithException>(() => BatchNormalization.Definition.Read(Reader("BatchNormalization", 9, outputs: 5)));
    }

    [Fact]
    public void Upsample_becomes_a_resize_with_its_coordinates()
    {
        var expected = new Resize { Mode = ResizeMode.Linear, Coordinates = ResizeCoordinates.Asymmetric, Rounding = ResizeRounding.Floor };
        var attribute = Reader("Upsample", 7, new() { ["mode"] = "linear", ["scales"] = new float[] { 1, 1, 2, 2 } });
        Assert.Equal(expected, Upsample.Definition.Read(attribute));
        Assert.Equal([1f, 1, 2, 2], attribute.ReplacedInputs[2]!.As<float>().Data);

        var operand = Reader("Upsample", 9, new() { ["mode"] = "linear" }, [null, Tensor.Vector(1f, 1, 2, 2)]);
        Assert.Equal(expected, Upsample.Definition.Read(operand));
        Assert.Null(operand.ReplacedInputs[1]);
        Assert.Equal([1f, 1, 2, 2], operand.ReplacedInputs[2]!.As<float>().Data);
    }

    [Theory]
    [InlineData("floor", ResizeRounding.RoundPreferCeil)]
    [InlineData("round_prefer_floor", ResizeRounding.Ceil)]
    public void Tf_half_pixel_is_read_as_half_pixel_with_another_rounding(string nearest, ResizeRounding rounding)
    {
        var resize = (Resize)Resize.Definition.Read(Reader("Resize", 11, new() { ["coordinate_transformation_mode"] = "tf_half_pixel_for_nn", ["nearest_mode"] = nearest }));
        Assert.Equal(new Resize { Rounding = rounding }, resize);
        var x = Tensor.Create(new Shape(7), new float[] { 0, 1, 2, 3, 4, 5, 6 });
        var y = resize.Evaluate([x, null, Tensor.Vector(0.6f)], 1)[0].As<float>().Data;
        for (var i = 0; i < y.Length; i++)
        {
            var position = (i + 0.5) / 0.6;
            Assert.Equal(nearest == "floor" ? Math.Floor(position) : Math.Ceiling(position - 0.5), y[i]);
        }
    }

    [Fact]
    public void An_unknown_choice_lists_the_known_ones()
    {
        var failure = Assert.Throws<PithException>(() => Resize.Definition.Read(Reader("Resize", 13, new() { ["mode"] = "lanczos" })));
        Assert.Contains("nearest, linear, cubic", failure.Message, StringComparison.Ordinal);
    }
}
