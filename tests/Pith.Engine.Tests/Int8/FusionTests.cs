using Pith.Ops;

namespace Pith.EngineTests.Int8;

public class FusionTests
{
    private static IReadOnlyList<LayerInfo> LayersOf(QdqGraphBuilder builder, Value output, EngineOptions? options = null)
    {
        builder.Graph.AddOutput(output);
        using var engine = EngineBuilder.Build(builder.Graph, options ?? new EngineOptions { TimeTactics = false });
        return engine.Layers;
    }

    private static string[] Kinds(IReadOnlyList<LayerInfo> layers) => [.. layers.Select(layer => layer.Spec.Kind == LayerKind.Op ? layer.Spec.Detail.Split(' ')[0] : layer.Spec.Kind.ToString())];

    [Fact]
    public void Conv_bias_relu_and_requantize_become_one_int8_layer()
    {
        var b = new QdqGraphBuilder(1);
        var x = b.Quantized(b.Input(8, 6, 6));
        var y = b.Quantized(b.Graph.Add(new Relu(), b.Conv(x, 8, 16, 3, pad: 1)));
        var layers = LayersOf(b, b.Quantized(b.Conv(y, 16, 8)));
        Assert.Equal(["Quantize", "Conv", "Conv", "Dequantize"], Kinds(layers));
        Assert.All(layers.Where(layer => layer.Spec.Kind == LayerKind.Conv), layer => Assert.Equal("int8", layer.Precision));
        Assert.Equal("clip(0,Infinity)", layers[1].Spec.Activation);
        Assert.True(layers[1].Spec.HasBias);
        Assert.Equal(DataType.Int8, layers[1].Spec.Output);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_residual_is_added_by_the_conv_that_runs_last(bool quantizedResidual)
    {
        var b = new QdqGraphBuilder(2);
        var x = b.Quantized(b.Input(8, 6, 6));
        var shortcut = quantizedResidual ? x : b.Conv(x, 8, 8);
        var branch = b.Conv(b.Quantized(b.Graph.Add(new Relu(), b.Conv(x, 8, 8, 3, pad: 1))), 8, 8, 3, pad: 1);
        var y = b.Graph.Add(new Relu(), b.Graph.Add(new Add(), branch, shortcut));
        var layers = LayersOf(b, b.Quantized(y));
        var last = layers.Last(layer => layer.Spec.Kind == LayerKind.Conv);
        Assert.Equal(quantizedResidual ? DataType.Int8 : DataType.Float32, last.Spec.Residual);
        Assert.Equal(quantizedResidual ? ["Quantize", "Conv", "Conv", "Dequantize"] : ["Quantize", "Conv", "Conv", "Conv", "Dequantize"], Kinds(layers));
    }

    [Fact]
    public void Quantization_moves_past_pooling_reshapes_and_joins()
    {
        var b = new QdqGraphBuilder(3);
        var x = b.Quantized(b.Input(8, 6, 6));
        var pooled = b.Graph.Add(new MaxPool { Window = WindowAttributes.Uniform(2, 2) }, b.Conv(x, 8, 8));
        var averaged = b.Graph.Add(new GlobalAveragePool(), b.Quantized(pooled));
        var flat = b.Graph.Add(new Flatten(), b.Quantized(averaged));
        var layers = LayersOf(b, b.Gemm(flat, 8, 10, bias: false));
        Assert.Equal(["Quantize", "Conv", "Pool", "GlobalAveragePool", "Gemm"], Kinds(layers));
        Assert.Equal("int8", layers[^1].Precision);
        Assert.Equal(DataType.Int8, layers[2].Spec.Input);
    }

    [Fact]
    public void Squeeze_and_excite_stays_in_8_bits()
    {
        var b = new QdqGraphBuilder(4);
        var x = b.Quantized(b.Input(8, 4, 4));
        var swish = b.Conv(x, 8, 8);
        var features = b.Quantized(b.Graph.Add(new Mul(), swish, b.Graph.Add(new Sigmoid(), swish)));
        var gate = b.Quantized(b.Graph.Add(new GlobalAveragePool(), features));
        gate = b.Quantized(b.Graph.Add(new Sigmoid(), b.Conv(gate, 8, 8)), 1);
        var layers = LayersOf(b, b.Conv(b.Quantized(b.Graph.Add(new Mul(), features, gate)), 8, 4));
        Assert.Equal(["Quantize", "Conv", "GlobalAveragePool", "Conv", "Binary", "Conv", "Reorder"], Kinds(layers));
        Assert.Equal("silu", layers[1].Spec.Activation);
    }

    [Fact]
    public void Elementwise_ops_between_quantized_tensors_become_a_table()
    {
        var b = new QdqGraphBuilder(5);
        var x = b.Quantized(b.Input(8, 4, 4));
        var y = b.Quantized(b.Graph.Add(new Mul(), x, b.Graph.Add(new Sigmoid(), b.Graph.Add(new Relu(), x))));
        Assert.Equal(["Quantize", "Table", "Conv", "Reorder"], Kinds(LayersOf(b, b.Conv(y, 8, 8))));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_chain_with_a_pair_after_every_operator_is_one_table(bool gateFirst)
    {
        var b = new QdqGraphBuilder(8);
        var x = b.Quantized(b.Conv(b.Quantized(b.Input(8, 4, 4)), 8, 8));
        var gate = b.Quantized(b.Graph.Add(new Sigmoid(), x), 1);
        var y = b.Quantized(gateFirst ? b.Graph.Add(new Mul(), gate, x) : b.Graph.Add(new Mul(), x, gate));
        Assert.Equal(["Quantize", "Conv", "Table", "Conv", "Reorder"], Kinds(LayersOf(b, b.Conv(y, 8, 8))));
    }

    [Fact]
    public void A_gate_that_is_read_elsewhere_stays_a_tensor()
    {
        var b = new QdqGraphBuilder(9);
        var x = b.Quantized(b.Input(8, 4, 4));
        var gate = b.Quantized(b.Graph.Add(new Sigmoid(), x), 1);
        b.Graph.AddOutput(b.Conv(gate, 8, 8));
        var kinds = Kinds(LayersOf(b, b.Conv(b.Quantized(b.Graph.Add(new Mul(), x, gate)), 8, 8)));
        Assert.Single(kinds, "Table");
        Assert.Single(kinds, "Binary");
    }

    [Fact]
    public void Literal_engines_fuse_nothing_across_quantization()
    {
        var b = new QdqGraphBuilder(6);
        var x = b.Quantized(b.Input(8, 4, 4));
        var layers = LayersOf(b, b.Quantized(b.Graph.Add(new Relu(), b.Conv(x, 8, 8))), new EngineOptions { Literal = true, TimeTactics = false });
        Assert.Equal(["FakeQuantize", "Reorder", "Conv", "FakeQuantize", "Reorder"], Kinds(layers));
        Assert.Equal("float32", layers[2].Precision);
    }

    [Fact]
    public void Observed_values_are_not_fused_away()
    {
        var b = new QdqGraphBuilder(7);
        var conv = b.Conv(b.Quantized(b.Input(8, 4, 4)), 8, 8);
        b.Graph.Rename(conv, "seen");
        var layers = LayersOf(b, b.Quantized(b.Graph.Add(new Relu(), conv)), new EngineOptions { Observed = ["seen"], TimeTactics = false });
        Assert.Equal(DataType.Float32, layers.First(layer => layer.Spec.Kind == LayerKind.Conv).Spec.Output);
    }
}
