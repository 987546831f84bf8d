using Pith.Ops;

namespace Pith.Tests.Ops;

public class PoolingTests
{
    private static readonly Tensor<float> s_ramp = Tensor.Create(new Shape(1, 1, 4, 4), Enumerable.Range(1, 16).Select(i => (float)i).ToArray());

    [Fact]
    public void Ceil_mode_keeps_an_incomplete_window_that_starts_inside()
    {
        var pool = new MaxPool { Window = WindowAttributes.Uniform(3, 2) with { CeilMode = true } };
        Assert.Equal([11f, 12f, 15f, 16f], pool.Evaluate([s_ramp], 1)[0].As<float>().Data);
    }

    [Fact]
    public void Ceil_mode_drops_a_window_that_would_start_in_the_right_padding()
    {
        var window = WindowAttributes.Uniform(1, 2) with { CeilMode = true };
        Assert.Equal(2, window.Resolve([4], [1])[0].Output);
        Assert.Equal(1, (window with { Strides = [2, 2] }).Resolve([2], [1])[0].Output);
    }

    [Fact]
    public void Max_pool_returns_positions_in_either_order()
    {
        var pool = new MaxPool { Window = WindowAttributes.Uniform(2, 2) };
        Assert.Equal([5L, 7, 13, 15], pool.Evaluate([s_ramp], 2)[1].As<long>().Data);
        Assert.Equal([5L, 13, 7, 15], (pool with { ColumnMajorIndices = true }).Evaluate([s_ramp], 2)[1].As<long>().Data);
    }

    [Fact]
    public void Average_pool_counts_padding_only_when_told_to()
    {
        var pool = new AveragePool { Window = WindowAttributes.Uniform(2, 2, 1) };
        Assert.Equal([1f, 2.5f, 4f, 7f, 8.5f, 10f, 13f, 14.5f, 16f], pool.Evaluate([s_ramp], 1)[0].As<float>().Data);
        Assert.Equal([0.25f, 1.25f, 1f, 3.5f, 8.5f, 5f, 3.25f, 7.25f, 4f], (pool with { CountIncludePad = true }).Evaluate([s_ramp], 1)[0].As<float>().Data);
    }

    [Fact]
    public void A_window_larger_than_its_input_is_refused()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(1, 1, 4, 4));
        var failure = Assert.Throws<PithException>(() => graph.Add(new MaxPool { Window = WindowAttributes.Uniform(5) }, x));
        Assert.Contains("does not fit", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Padding_that_hides_a_whole_window_is_refused()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(1, 1, 8, 8));
        foreach (var op in new Op[] { new MaxPool { Window = WindowAttributes.Uniform(2, 1, 2) }, new AveragePool { Window = WindowAttributes.Uniform(2, 1, 2) } })
            Assert.Contains("not smaller than the window", Assert.Throws<PithException>(() => graph.Add(op, x)).Message, StringComparison.Ordinal);
        // Two elements three apart cover four.
        Assert.Equal("f32[1,1,9,9]", graph.Add(new MaxPool { Window = WindowAttributes.Uniform(2, 1, 2, dilation: 3) }, x).Type.ToString());
        Assert.Equal("f32[1,1,11,11]", graph.Add(new Conv { Window = WindowAttributes.Uniform(2, 1, 2) }, x, graph.AddConstant("w", Tensor.Zeros<float>(new Shape(1, 1, 2, 2)))).Type.ToString());
    }
}
