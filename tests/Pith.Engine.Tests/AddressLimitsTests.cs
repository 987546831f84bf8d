using Pith.Ops;

namespace Pith.EngineTests;

/// <summary>Sizes at the limits of 32 bits: refused with the layer's name and sizes, or right.</summary>
public sealed class AddressLimitsTests
{
    private static readonly EngineOptions s_options = new() { Threads = 2, TimeTactics = false };

    private static Graph Convolution(int channels, int height, int width, int kernel, WindowAttributes window)
    {
        var graph = new Graph("large");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, height, width));
        graph.AddOutput(graph.AddNode(new Conv { Window = window with { KernelShape = [] } }, [x, graph.AddConstant("w", Tensor.Zeros<float>(new Shape(4, channels, kernel, kernel)))], "large conv", ["y"]).Output);
        return graph;
    }

    private static WindowAttributes Window(int stride = 1, int pad = 0, int dilation = 1) => new() { Strides = ValueList.Repeat(stride, 2), Dilations = ValueList.Repeat(dilation, 2), Pads = ValueList.Repeat(pad, 4) };

    private static string Refused(Graph graph, int batch = 1) => Assert.Throws<PithException>(() => EngineBuilder.Build(graph, s_options with { MaxBatch = batch })).Message;

    [Fact]
    public void Images_of_more_bytes_than_kernels_count_are_refused()
    {
        var message = Refused(Convolution(8, 12_000, 12_000, 1, Window(stride: 100)));
        Assert.Contains("'x'", message, StringComparison.Ordinal);
        Assert.Contains("8 channels of 12000x12000 pixels", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Padding_strides_and_dilations_of_more_bytes_than_kernels_count_are_refused()
    {
        Assert.Contains("40000 pixels of padding", Refused(Convolution(4, 8, 8, 3, Window(stride: 40_000, pad: 40_000))), StringComparison.Ordinal);
        Assert.Contains("'large conv'", Refused(Convolution(64, 4, 4, 3, Window(stride: 1_000_000, pad: 1_000_000, dilation: 900_000))), StringComparison.Ordinal);
        Assert.Contains("strides or dilations", Refused(Convolution(64, 4, 4, 1, Window(stride: 1 << 28))), StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_matrices_of_more_bytes_than_kernels_count_are_refused()
    {
        var graph = new Graph("long");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 20_000_000));
        graph.AddOutput(graph.AddNode(new MatMul(), [x, graph.AddConstant("w", Tensor.Zeros<float>(new Shape(20_000_000, 1)))], "long product", ["y"]).Output);
        Assert.Contains("rows of 20000000 elements", Refused(graph), StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_of_more_elements_than_an_array_can_hold_is_refused()
    {
        Assert.Contains("elements", Refused(Convolution(3, 224, 224, 3, Window(pad: 1)), batch: 20_000), StringComparison.Ordinal);
        Assert.Throws<PithException>(() => EngineBuilder.Build(Convolution(3, 224, 224, 3, Window(pad: 1)), s_options with { MaxBatch = int.MaxValue }));
    }

    [Fact]
    public void Sizes_over_two_gibibytes_are_counted_right()
    {
        var graph = Convolution(3, 224, 224, 3, Window(pad: 1));
        using var engine = EngineBuilder.Build(graph, s_options with { MaxBatch = 3000 });
        Assert.True(engine.ActivationBytes >= 3000L * 4 * 224 * 224 * sizeof(float), $"{engine.ActivationBytes} bytes");
        Assert.Equal(3000, engine.MaxBatch);
    }
}
