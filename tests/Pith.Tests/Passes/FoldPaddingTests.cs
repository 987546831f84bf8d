using Pith.Ops;
using Pith.Passes;

namespace Pith.Tests.Passes;

/// <summary>An explicit Pad becomes part of the window that reads it where that is exact, and stays where it is not.</summary>
public class FoldPaddingTests
{
    private readonly Graph _graph = new("padded");
    private readonly Value _x;

    public FoldPaddingTests() => _x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 4, 9, 8));

    private Value Integers(params long[] values) => _graph.AddConstant("amounts", Tensor.Vector(values));

    private Value Pad(Value x, float number = 0, params long[] amounts) =>
        _graph.Add(new Pad(), x, Integers(amounts.Length > 0 ? amounts : [0, 0, 1, 2, 0, 0, 3, 1]), _graph.AddConstant("number", Tensor.Scalar(number)));

    private Value Weight(params int[] dims)
    {
        var random = new Random(3);
        return _graph.AddConstant("w", Tensor.Create(new Shape(dims), Enumerable.Range(0, dims.Aggregate(1, (a, b) => a * b)).Select(_ => random.Next(-4, 5) * 0.25f).ToArray()));
    }

    private Value Conv(Value x, int groups = 1, WindowAttributes? window = null) => _graph.Add(new Conv { Groups = groups, Window = window ?? new() { Strides = [2, 1] } }, x, Weight(4, 4 / groups, 5, 4));

    private static readonly WindowAttributes s_pool = new() { KernelShape = [5, 4], Strides = [2, 3] };

    private bool Folds(Value output)
    {
        _graph.AddOutput(output);
        var random = new Random(7);
        var data = Tensor.Create(new Shape(2, 4, 9, 8), Enumerable.Range(0, 2 * 4 * 72).Select(_ => random.Next(-8, 9) * 0.5f).ToArray());
        var want = GraphInterpreter.Run(_graph, [data])[0];
        foreach (var passes in new[] { Pipelines.SimplifyKeepingBatchNorm, Pipelines.Simplify })
        {
            PassRunner.RunToFixpoint(_graph, passes);
            var got = GraphInterpreter.Run(_graph, [data])[0];
            // Halves and quarters: every sum is exact, in any order.
            Assert.Equal(want.As<float>().Data, got.As<float>().Data);
        }
        return _graph.Nodes.All(node => node.Op is not Pith.Ops.Pad);
    }

    [Fact]
    public void Zeros_before_a_convolution() => Assert.True(Folds(Conv(Pad(_x))));

    [Fact]
    public void Zeros_before_a_depthwise_convolution_with_padding_of_its_own() => Assert.True(Folds(Conv(Pad(_x), groups: 4, new() { Pads = [1, 0, 2, 1], Dilations = [2, 2] })));

    [Theory]
    [InlineData(AutoPad.SameUpper, false)]
    [InlineData(AutoPad.SameLower, false)]
    [InlineData(AutoPad.Valid, true)]
    public void Automatic_padding_is_known_once_the_batch_is_not_all_that_is_open(AutoPad mode, bool foldsWithOpenBatch)
    {
        Assert.Equal(foldsWithOpenBatch, Folds(Conv(Pad(_x), window: new() { AutoPad = mode, Strides = [2, 2] })));
        if (foldsWithOpenBatch) return;
        var bound = _graph.Clone(("N", 2));
        PassRunner.RunToFixpoint(bound, Pipelines.Simplify);
        Assert.DoesNotContain(bound.Nodes, node => node.Op is Pith.Ops.Pad);
    }

    [Fact]
    public void Zeros_before_a_transposed_convolution_that_cuts_what_they_make() =>
        Assert.True(Folds(_graph.Add(new ConvTranspose { Window = new() { Strides = [2, 2], Pads = [2, 4, 7, 3] } }, Pad(_x), Weight(4, 3, 5, 4))));

    [Fact]
    public void Zeros_before_a_transposed_convolution_that_keeps_what_they_make_stay() =>
        Assert.False(Folds(_graph.Add(new ConvTranspose { Window = new() { Strides = [2, 2], Pads = [1, 4, 7, 3] } }, Pad(_x), Weight(4, 3, 5, 4))));

    [Theory]
    [InlineData(false, 0, true)]
    [InlineData(true, 0, true)]
    [InlineData(true, 1, true)]
    [InlineData(false, 1, false)] // some zeros would count, and others not
    public void Zeros_before_an_average(bool countsOwnPadding, int ownPadding, bool folds) =>
        Assert.Equal(folds, Folds(_graph.Add(new AveragePool { CountIncludePad = countsOwnPadding, Window = new() { KernelShape = [8, 4], Pads = [ownPadding, 0, ownPadding, 0] } }, Pad(_x))));

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)] // what SAME adds would count then
    public void Zeros_before_an_average_that_pads_by_itself(bool countsOwnPadding, bool folds)
    {
        _graph.AddOutput(_graph.Add(new AveragePool { CountIncludePad = countsOwnPadding, Window = new() { KernelShape = [8, 4], AutoPad = AutoPad.SameUpper } }, Pad(_x)));
        var bound = _graph.Clone(("N", 1));
        var data = Tensor.Create(new Shape(1, 4, 9, 8), Enumerable.Range(0, 288).Select(i => (i * 37 % 17 - 8) * 0.5f).ToArray());
        var want = GraphInterpreter.Run(bound, [data])[0];
        PassRunner.RunToFixpoint(bound, Pipelines.Simplify);
        Assert.Equal(folds, bound.Nodes.All(node => node.Op is not Pith.Ops.Pad));
        Assert.Equal(want.As<float>().Data, GraphInterpreter.Run(bound, [data])[0].As<float>().Data);
    }

    [Theory]
    [InlineData(float.NegativeInfinity, false, true)]
    [InlineData(0, true, true)]
    [InlineData(-1, true, true)]
    [InlineData(0, false, false)]
    [InlineData(0.5f, true, false)]
    public void A_number_before_a_maximum_that_no_element_is_below(float number, bool isAfterRelu, bool folds)
    {
        var x = isAfterRelu ? _graph.Add(new Relu(), _x) : _x;
        Assert.Equal(folds, Folds(_graph.Add(new MaxPool { Window = s_pool }, Pad(x, number))));
    }

    [Fact]
    public void The_bound_is_seen_through_joins_pools_and_sums()
    {
        var relu = _graph.Add(new Relu(), _x);
        var joined = _graph.Add(new Concat(1), relu, _graph.Add(new Sigmoid(), _x));
        var sum = _graph.Add(new Add(), _graph.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 1, 1) }, joined), joined);
        Assert.True(Folds(_graph.Add(new MaxPool { Window = s_pool }, Pad(sum))));
    }

    [Fact]
    public void Padding_as_long_as_a_pool_or_of_incomplete_windows_stays()
    {
        Assert.False(Folds(_graph.Add(new MaxPool { Window = s_pool }, Pad(_x, float.NegativeInfinity, 0, 0, 5, 0, 0, 0, 0, 0))));
        Assert.False(Folds(_graph.Add(new MaxPool { Window = s_pool with { KernelShape = [2, 2], CeilMode = true } }, Pad(_x, float.NegativeInfinity, 0, 0, 0, 0, 0, 0, 1, 1))));
    }

    [Theory]
    [InlineData(0, 1, 1, 1)] // channels
    [InlineData(0, 0, -1, 1)] // a crop
    public void Other_amounts_stay(long batch, long channels, long rows, long columns) =>
        Assert.False(Folds(_graph.Add(new AveragePool { Window = s_pool }, Pad(_x, 0, batch, channels, rows, columns, 0, 0, 1, 1))));

    [Fact]
    public void Another_number_or_mode_stays()
    {
        Assert.False(Folds(Conv(Pad(_x, 1))));
        Assert.False(Folds(_graph.Add(new AveragePool { Window = s_pool }, _graph.Add(new Pad(PadMode.Reflect), _x, Integers(0, 0, 1, 1, 0, 0, 1, 1)))));
    }

    [Fact]
    public void Zeros_are_seen_through_transposes_activations_and_quantization()
    {
        var (scale, zero) = (_graph.AddConstant("scale", Tensor.Scalar(0.25f)), _graph.AddConstant("zero", Tensor.Scalar((byte)100)));
        var nhwc = _graph.Add(new Transpose([0, 2, 3, 1]), _x);
        var padded = _graph.Add(new Relu(), Pad(nhwc, 0, 0, 1, 2, 0, 0, 3, 1, 0));
        var q = _graph.Add(new QuantizeLinear(), _graph.Add(new Transpose([0, 3, 1, 2]), padded), scale, zero);
        Assert.True(Folds(Conv(_graph.Add(new DequantizeLinear(), q, scale, zero))));
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(99, false)]
    public void The_zero_point_before_a_DequantizeLinear_is_zero(byte number, bool folds)
    {
        var (scale, zero) = (_graph.AddConstant("scale", Tensor.Scalar(0.25f)), _graph.AddConstant("zero", Tensor.Scalar((byte)100)));
        var q = _graph.Add(new QuantizeLinear(), _x, scale, zero);
        var padded = _graph.Add(new Pad(), q, Integers(0, 0, 1, 1, 0, 0, 1, 1), _graph.AddConstant("number", Tensor.Scalar(number)));
        Assert.Equal(folds, Folds(Conv(_graph.Add(new DequantizeLinear(), padded, scale, zero))));
    }

    [Fact]
    public void The_smallest_integer_before_a_maximum_of_bytes()
    {
        var (scale, zero) = (_graph.AddConstant("scale", Tensor.Scalar(0.25f)), _graph.AddConstant("zero", Tensor.Scalar((byte)100)));
        var q = _graph.Add(new QuantizeLinear(), _x, scale, zero);
        var padded = _graph.Add(new Pad(), q, Integers(0, 0, 1, 1, 0, 0, 1, 1), _graph.AddConstant("number", Tensor.Scalar((byte)0)));
        Assert.True(Folds(_graph.Add(new DequantizeLinear(), _graph.Add(new MaxPool { Window = s_pool }, padded), scale, zero)));
    }

    [Fact]
    public void Each_reader_takes_the_padding_that_it_can()
    {
        var padded = Pad(_graph.Add(new Relu(), _x), 0, 0, 0, 1, 1, 0, 0, 1, 1);
        var sum = _graph.Add(new Add(), _graph.Add(new MaxPool { Window = WindowAttributes.Uniform(3) }, padded), _graph.Add(new AveragePool { Window = WindowAttributes.Uniform(3) }, padded));
        Assert.True(Folds(sum));
    }

    [Fact]
    public void A_padded_value_that_the_graph_returns_is_still_computed()
    {
        var padded = Pad(_x);
        _graph.AddOutput(padded);
        Assert.False(Folds(Conv(padded)));
        Assert.Equal("x", _graph.Nodes.Single(node => node.Op is Conv).Inputs[0]!.Name);
    }
}
