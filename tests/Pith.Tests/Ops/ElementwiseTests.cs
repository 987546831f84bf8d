using Pith.Ops;

namespace Pith.Tests.Ops;

public class ElementwiseTests
{
    private static float[] Run(Op op, params Tensor[] inputs)
    {
        var graph = new Graph();
        var output = graph.AddNode(op, [.. inputs.Select(input => graph.AddConstant("c", input))]).Output;
        var result = op.Evaluate(inputs, 1)[0];
        Assert.True(output.Type.Accepts(TensorType.Of(result)), $"inferred {output.Type}, computed {result}");
        return result.ConvertTo(DataType.Float32).As<float>().Data;
    }

    [Fact]
    public void Round_takes_halves_to_the_even_neighbour() => Assert.Equal([-2f, -0f, 0f, 2f, 2f], Run(new Round(), Tensor.Vector(-1.5f, -0.5f, 0.5f, 1.5f, 2.5f)));

    [Fact]
    public void Erf_matches_tabulated_values()
    {
        // Abramowitz and Stegun, table 7.1.
        var y = Run(new Erf(), Tensor.Vector(0f, 0.5f, 1f, 2f, -1f, 7f));
        Assert.Equal([0f, 0.5204998778f, 0.8427007929f, 0.9953222650f, -0.8427007929f, 1f], y);
    }

    [Fact]
    public void Not_a_number_comes_through_activations_and_extremes()
    {
        var x = Tensor.Vector(float.NaN);
        foreach (var op in new Op[] { new Relu(), new HardSwish(), new LeakyRelu(), new Sigmoid(), new Erf(), new Gelu(), new Sign(), new Softplus() }) Assert.True(float.IsNaN(Run(op, x)[0]), op.ToString());
        Assert.True(float.IsNaN(Run(new Max(), x, Tensor.Vector(1f))[0]));
        Assert.True(float.IsNaN(Run(new Min(), Tensor.Vector(1f), x)[0]));
    }

    [Fact]
    public void Softplus_does_not_overflow() => Assert.Equal([0f, 1000f], Run(new Softplus(), Tensor.Vector(-1000f, 1000f)));

    [Fact]
    public void Integers_divide_toward_zero_and_zero_is_refused()
    {
        Assert.Equal([-3f, 3f], Run(new Div(), Tensor.Vector(-7, 7), Tensor.Scalar(2)));
        Assert.Contains("divided by zero", Assert.Throws<PithException>(() => new Div().Evaluate([Tensor.Vector(1L), Tensor.Vector(0L)], 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mod_takes_the_sign_of_the_divisor_or_of_the_dividend()
    {
        var (x, y) = (Tensor.Vector(-7L, 7L, -6L), Tensor.Vector(3L, -3L, 3L));
        Assert.Equal([2f, -2f, 0f], Run(new Mod(), x, y));
        Assert.Equal([-1f, 1f, 0f], Run(new Mod(Truncated: true), x, y));
    }

    [Fact]
    public void Small_integers_wrap() => Assert.Equal([-128f, 4f], Run(new Add(), Tensor.Vector<sbyte>(127, 3), Tensor.Vector<sbyte>(1, 1)));

    [Fact]
    public void Long_integers_keep_all_their_bits() =>
        Assert.Equal([-9007199254740993], new Neg().Evaluate([Tensor.Vector(9007199254740993)], 1)[0].As<long>().Data);

    [Fact]
    public void Extremes_and_sums_take_any_number_of_operands()
    {
        var (a, b, c) = (Tensor.Vector(1f, 5f), Tensor.Vector(4f, 2f), Tensor.Scalar(3f));
        Assert.Equal([4f, 5f], Run(new Max(), a, b, c));
        Assert.Equal([1f, 2f], Run(new Min(), a, b, c));
        Assert.Equal([8f, 10f], Run(new Sum(), a, b, c));
        Assert.Equal([8f / 3, 10f / 3], Run(new Mean(), a, b, c));
        Assert.Equal([1f, 5f], Run(new Max(), a));
    }

    [Fact]
    public void Pow_keeps_the_type_of_the_base() =>
        Assert.Equal([1, 8, 9], new Pow().Evaluate([Tensor.Vector(1, 2, 3), Tensor.Vector(5f, 3f, 2f)], 1)[0].As<int>().Data);

    [Fact]
    public void Where_broadcasts_all_three_operands()
    {
        var condition = Tensor.Create(new Shape(2, 1), new[] { true, false });
        Assert.Equal([1f, 2f, 9f, 9f], Run(new Where(), condition, Tensor.Vector(1f, 2f), Tensor.Scalar(9f)));
    }

    [Fact]
    public void Comparisons_and_logic_give_booleans()
    {
        var (a, b) = (Tensor.Vector(1f, 2f, 3f), Tensor.Scalar(2f));
        Assert.Equal([0f, 1f, 0f], Run(new Equal(), a, b));
        Assert.Equal([1f, 0f, 0f], Run(new Less(), a, b));
        Assert.Equal([1f, 1f, 0f], Run(new LessOrEqual(), a, b));
        Assert.Equal([0f, 0f, 1f], Run(new Greater(), a, b));
        Assert.Equal([0f, 1f, 1f], Run(new GreaterOrEqual(), a, b));
        var (p, q) = (Tensor.Vector(true, true, false), Tensor.Vector(true, false, false));
        Assert.Equal([1f, 0f, 0f], Run(new And(), p, q));
        Assert.Equal([1f, 1f, 0f], Run(new Or(), p, q));
        Assert.Equal([0f, 1f, 0f], Run(new Xor(), p, q));
        Assert.Equal([1f, 0f, 1f], Run(new Equal(), p, q));
        Assert.Equal([0f, 0f, 1f], Run(new Not(), p));
    }

    [Fact]
    public void An_op_refuses_an_element_type_that_it_is_not_defined_for()
    {
        var graph = new Graph();
        var flags = graph.AddInput("flags", new TensorType(DataType.Bool, [2]));
        foreach (var op in new Op[] { new Exp(), new Neg(), new Relu() })
            Assert.Contains("is not defined for elements of type bool", Assert.Throws<PithException>(() => graph.Add(op, flags)).Message, StringComparison.Ordinal);
        Assert.Contains("is not defined for elements of type bool", Assert.Throws<PithException>(() => graph.Add(new Add(), flags, flags)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Clip_with_crossed_bounds_gives_the_upper_one() => Assert.Equal([1f, 1f], Run(new Clip(), Tensor.Vector(0f, 5f), Tensor.Scalar(2f), Tensor.Scalar(1f)));

    [Fact]
    public void Mish_neither_overflows_nor_loses_what_is_nearly_zero()
    {
        Assert.Equal([0f, 1000f], Run(new Mish(), Tensor.Vector(0f, 1000f)));
        Assert.Equal(0.8650983882673103, Run(new Mish(), Tensor.Vector(1f))[0], 1e-7);
        Assert.Equal(0f, Run(new Mish(), Tensor.Vector(-1000f))[0]);
    }

    [Fact]
    public void ThresholdedRelu_keeps_what_is_above_the_threshold() => Assert.Equal([0f, 0, 1.5f], Run(new ThresholdedRelu(1f), Tensor.Vector(-2f, 1f, 1.5f)));
}
