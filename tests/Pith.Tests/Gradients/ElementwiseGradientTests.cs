using Pith.Ops;
using Pith.Training;

namespace Pith.Tests.Gradients;

public class ElementwiseGradientTests
{
    public static TheoryData<Op, float[]> Activations() => new()
    {
        { new Abs(), [0] },
        { new Celu(0.7f), [0] },
        { new Cos(), [] },
        { new Elu(0.7f), [0] },
        { new Erf(), [] },
        { new Exp(), [] },
        { new Gelu(), [] },
        { new Gelu(TanhApproximation: true), [] },
        { new HardSigmoid(), [-2.5f, 2.5f] },
        { new HardSwish(), [-3, 3] },
        { new LeakyRelu(0.1f), [0] },
        { new Mish(), [] },
        { new Neg(), [] },
        { new Relu(), [0] },
        { new Selu(), [0] },
        { new Sigmoid(), [] },
        { new Sin(), [] },
        { new Softplus(), [] },
        { new Softsign(), [0] },
        { new Tanh(), [] },
        { new ThresholdedRelu(0.5f), [0.5f] },
    };

    [Theory]
    [MemberData(nameof(Activations))]
    public void An_activation_has_the_gradient_of_its_central_difference(Op op, float[] kinks) =>
        GradientCheck.Check(op, GradientCheck.RandomAwayFrom(1, new Shape(4, 6), kinks));

    [Fact]
    public void Every_differentiable_op_is_checked()
    {
        var checkedOps = Activations().Select(row => row.Data.Item1.GetType()).Concat([typeof(Log), typeof(Sqrt), typeof(Reciprocal)]).ToHashSet();
        var all = typeof(Op).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(DifferentiableOp)) && !type.IsAbstract);
        Assert.Empty(all.Except(checkedOps).Select(type => type.Name));
    }

    [Theory]
    [InlineData("Log")]
    [InlineData("Sqrt")]
    [InlineData("Reciprocal")]
    public void An_op_of_positive_numbers_has_the_gradient_of_its_central_difference(string name)
    {
        Op op = name switch { "Log" => new Log(), "Sqrt" => new Sqrt(), _ => new Reciprocal() };
        GradientCheck.Check(op, GradientCheck.Random(2, new Shape(3, 5), 0.5, 2));
    }

    public static TheoryData<Op> BinaryOps() => [new Add(), new Sub(), new Mul(), new Div(), new Pow(), new Sum(), new Mean()];

    [Theory]
    [MemberData(nameof(BinaryOps))]
    public void A_broadcast_operand_gets_the_sum_of_the_gradients_of_its_copies(Op op)
    {
        var positive = GradientCheck.Random(3, new Shape(2, 3, 4), 0.5, 2);
        GradientCheck.Check(op, positive, GradientCheck.Random(4, new Shape(3, 1), 0.5, 2));
        GradientCheck.Check(op, GradientCheck.Random(5, new Shape(), 0.5, 2), positive);
        GradientCheck.Check(op, positive, positive.Clone());
    }

    [Fact]
    public void A_broadcast_operand_gets_its_gradient_under_a_symbolic_batch() =>
        GradientCheck.Check(
            (graph, values) => [graph.Add(new Mul(), values[0], graph.Add(new ReduceMean([0, 2]), values[0]))],
            [GradientCheck.Random(6, new Shape(3, 2, 4))], symbolicBatch: true);

    [Fact]
    public void Clip_passes_the_gradient_between_its_bounds_only() =>
        GradientCheck.Check(
            (graph, values) => graph.Add(new Clip(), values[0], graph.AddConstant("lower", Tensor.Scalar(-1f)), graph.AddConstant("upper", Tensor.Scalar(1.5f))),
            GradientCheck.RandomAwayFrom(7, new Shape(5, 5), -1, 1.5f));

    [Fact]
    public void Clip_with_one_bound_passes_the_gradient_beyond_the_other() =>
        GradientCheck.Check((graph, values) => graph.Add(new Clip(), values[0], null, graph.AddConstant("upper", Tensor.Scalar(0.5f))), GradientCheck.RandomAwayFrom(8, new Shape(20), 0.5f));

    [Fact]
    public void PRelu_gives_its_slopes_the_gradient_of_what_is_negative()
    {
        var x = GradientCheck.RandomAwayFrom(11, new Shape(2, 3, 4), 0);
        GradientCheck.Check(new PRelu(), x, GradientCheck.Random(12, new Shape(3, 1)));
        GradientCheck.Check(new PRelu(), x, GradientCheck.Random(13, new Shape(1)));
        GradientCheck.Check(new PRelu(), x, GradientCheck.Random(14, new Shape(2, 3, 4)));
    }

    [Fact]
    public void Max_and_min_send_the_gradient_to_the_operand_that_was_taken()
    {
        foreach (var op in new Op[] { new Max(), new Min() })
        {
            GradientCheck.Check(op, GradientCheck.Random(15, new Shape(2, 3)), GradientCheck.RandomAwayFrom(16, new Shape(3)), GradientCheck.Random(17, new Shape(2, 1), 1.1, 2));
            // Of equal operands the first one takes it all: 1 and not 2 in sum.
            var graph = new Graph();
            var (a, b) = (graph.AddInput("a", TensorType.Float32(2)), graph.AddInput("b", TensorType.Float32(2)));
            var gradients = Autodiff.Build(graph, graph.Add(new ReduceSum(KeepDims: false), graph.Add(op, a, b)), [a, b]);
            foreach (var gradient in gradients) graph.AddOutput(gradient);
            var results = GraphInterpreter.Run(graph, [Tensor.Vector(1f, 2f), Tensor.Vector(1f, 2f)]);
            Assert.Equal([1f, 1f], results[0].As<float>().Data);
            Assert.Equal([0f, 0f], results[1].As<float>().Data);
        }
    }

    [Fact]
    public void CastLike_passes_the_gradient() => GradientCheck.Check((graph, values) => graph.Add(new CastLike(), values[0], values[1]), GradientCheck.Random(18, new Shape(3)), GradientCheck.Random(19, new Shape(1)));

    [Fact]
    public void Where_sends_the_gradient_to_the_operand_that_was_taken()
    {
        var condition = Tensor.Create(new Shape(3), new[] { true, false, true });
        GradientCheck.Check(
            (graph, values) => graph.Add(new Where(), graph.AddConstant("condition", condition), values[0], values[1]),
            GradientCheck.Random(9, new Shape(2, 3)), GradientCheck.Random(10, new Shape(1)));
    }

    [Fact]
    public void Relu_lets_no_gradient_through_at_zero_and_none_of_an_infinite_one_where_it_is_off()
    {
        var gradient = new UnaryGradient(new Relu()).Evaluate([Tensor.Vector(0f, 2f, 0f), Tensor.Vector(3f, 4f, float.PositiveInfinity)], 1)[0];
        Assert.Equal([0f, 4f, 0f], gradient.As<float>().Data);
    }
}
