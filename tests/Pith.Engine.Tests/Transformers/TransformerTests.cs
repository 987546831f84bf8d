using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests.Transformers;

/// <summary>Blocks of transformers, ConvNeXt and ShuffleNet: which layers they become, and that these compute what the interpreter does, at every instruction set and batch.</summary>
public class TransformerTests
{
    private static IEnumerable<CpuFeatures> IsaLevels() => new[] { IsaLevel.Portable, IsaLevel.Avx2, IsaLevel.Avx512Vnni & Isa.Detected }.Where(Isa.Detected.Include);

    public static TheoryData<string> GeluForms => ["erf", "erf, half of x", "erf, half of the sum", "tanh", "tanh pow"];

    [Theory]
    [MemberData(nameof(GeluForms))]
    public void Gelu_written_as_ops_is_the_activation_of_the_product_before_it(string form)
    {
        var f = new NetworkForms(1);
        var x = f.Input(5, 24);
        f.Graph.AddOutput(f.Linear(f.Gelu(f.Linear(x, 24, 40), form), 40, 3));
        var layers = Check(f.Graph, 1e-5, 5, 24);
        Assert.Equal(2, layers.Count);
        Assert.StartsWith("gelu", layers[0].Spec.Activation);
    }

    [Theory]
    [MemberData(nameof(GeluForms))]
    public void Gelu_written_as_ops_is_one_layer_beside_other_readers(string form)
    {
        var f = new NetworkForms(2);
        var x = f.Input(5, 24);
        f.Graph.AddOutput(f.Graph.Add(new Add(), f.Gelu(x, form), x));
        Assert.Equal(2, Check(f.Graph, 1e-5, 5, 24).Count);
    }

    [Fact]
    public void Something_like_gelu_stays_as_written()
    {
        var f = new NetworkForms(3);
        var x = f.Input(5, 24);
        var y = f.Graph.Add(new Mul(), x, f.Graph.Add(new Add(), f.Graph.Add(new Erf(), f.Graph.Add(new Div(), x, f.Constant(1.5f))), f.Constant(1)));
        f.Graph.AddOutput(f.Graph.Add(new Mul(), y, f.Constant(0.5f)));
        Assert.Equal(5, Check(f.Graph, 1e-5, 5, 24).Count);
    }

    [Fact]
    public void Layer_normalization_written_as_ops_is_one_layer()
    {
        var f = new NetworkForms(4);
        f.Graph.AddOutput(f.LayerNorm(f.Input(5, 24), 24));
        Assert.Equal("fp32-layer-norm", Assert.Single(Check(f.Graph, 1e-5, 5, 24)).Tactic);
    }

    [Theory]
    [InlineData("gather", 7, 3, 8)]
    [InlineData("split, mask", 9, 2, 8)]
    [InlineData("gather, both, mask", 50, 2, 12)]
    [InlineData("split, query", 17, 1, 16)]
    [InlineData("gather", 197, 2, 5)]
    public void Attention_is_one_layer(string form, int tokens, int heads, int width)
    {
        foreach (var isQuantized in new[] { false, true })
        {
            var f = new NetworkForms(5);
            var y = f.Attention(f.Input(tokens, heads * width), tokens, heads, width, form, isQuantized);
            f.Graph.AddOutput(f.Linear(y, heads * width, 6));
            // Where a score is quantized, one step more or less is a small part of a sum.
            var layers = Check(f.Graph, isQuantized ? 2e-2 : 1e-5, tokens, heads * width);
            Assert.Equal(["fp32-attention"], layers.Select(layer => layer.Tactic).Where(tactic => tactic.Contains("attention")));
            Assert.Equal(3, layers.Count);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Attention_reads_projections_of_its_own_that_are_quantized_right_away(bool hasWeights8)
    {
        // Each projection has one reader, its QuantizeLinear, which the product could swallow; attention reads the float result.
        var b = new Int8.QdqGraphBuilder(13);
        var f = b.Graph;
        var x = b.Quantized(b.Input(9, 16));
        Value Projected() => f.Add(new Transpose([0, 2, 1, 3]), f.Add(new Reshape(), b.Quantized(f.Add(new Add(), b.MatMul(x, 16, 16), f.AddConstant("b", b.Data(new Shape(16), 1)))), f.AddConstant("heads", Tensor.Vector<long>(0, 9, 2, 8))));
        var (q, k, v) = (Projected(), f.Add(new Transpose([0, 1, 3, 2]), Projected()), Projected());
        var weights = f.Add(new Softmax { Axis = -1 }, f.Add(new MatMul(), q, k));
        var y = f.Add(new MatMul(), hasWeights8 ? b.Quantized(weights) : weights, v);
        f.AddOutput(f.Add(new Reshape(), f.Add(new Transpose([0, 2, 1, 3]), y), f.AddConstant("joined", Tensor.Vector<long>(0, 9, 16))));
        Check(f, 2e-2, 9, 16);
    }

    [Theory]
    [InlineData("none", 8, 16)]
    [InlineData("gelu", 24, 20)]
    [InlineData("gelutanh", 7, 9)]
    public void Integer_products_of_tokens_are_those_of_the_reference(string activation, int inputs, int outputs)
    {
        foreach (var isUnsigned in new[] { false, true })
        {
            var b = new Int8.QdqGraphBuilder(6, isUnsigned);
            var x = b.Quantized(b.Input(5, inputs));
            var y = b.Quantized(b.Activated(activation, b.Graph.Add(new Add(), b.MatMul(x, inputs, outputs), b.Graph.AddConstant("b", b.Data(new Shape(outputs), 1)))));
            b.Graph.AddOutput(b.Graph.Add(new Add(), b.MatMul(y, outputs, inputs), x));
            Identical(b.Graph, b.Data(new Shape(3, 5, inputs)));
        }
    }

    [Fact]
    public void Integer_products_of_pixels_move_nothing()
    {
        var b = new Int8.QdqGraphBuilder(7);
        var x = b.Quantized(b.Input(16, 5, 4));
        var y = b.Quantized(b.Conv(x, 16, 16, 7, pad: 3, groups: 16));
        y = b.Quantized(b.Activated("gelu", b.MatMul(b.Graph.Add(new Transpose([0, 2, 3, 1]), y), 16, 32)));
        y = b.Graph.Add(new Transpose([0, 3, 1, 2]), b.MatMul(y, 32, 16));
        b.Graph.AddOutput(b.Quantized(b.Graph.Add(new Add(), y, x)));
        var kinds = Identical(b.Graph, b.Data(new Shape(3, 16, 5, 4)));
        Assert.Equal(["Quantize", "Conv", "Gemm", "Gemm", "Dequantize"], kinds.Where(kind => kind != "Reorder"));
    }

    [Fact]
    public void Normalized_pixels_go_back_to_a_quantized_convolution()
    {
        var b = new Int8.QdqGraphBuilder(11);
        var f = new NetworkForms(11);
        var x = b.Input(12, 5, 4);
        var tokens = b.Graph.Add(new LayerNormalization { Axis = -1 }, b.Graph.Add(new Transpose([0, 2, 3, 1]), x), b.Graph.AddConstant("g", f.Data(12)), b.Graph.AddConstant("b", f.Data(12)));
        var image = b.Quantized(b.Graph.Add(new Transpose([0, 3, 1, 2]), tokens));
        b.Graph.AddOutput(b.Quantized(b.Conv(image, 12, 12, 3, pad: 1, groups: 12)));
        b.Graph.AddOutput(b.Quantized(b.MatMul(b.Graph.Add(new Transpose([0, 2, 3, 1]), image), 12, 8)));
        Identical(b.Graph, b.Data(new Shape(3, 12, 5, 4)));
    }

    [Theory]
    [InlineData(2, 6)]
    [InlineData(2, 58)]
    [InlineData(3, 27)]
    [InlineData(4, 116)]
    public void Channel_shuffles_are_one_layer(int groups, int channels)
    {
        var f = new NetworkForms(8);
        var x = f.Input(channels, 3, 5);
        Value Pointwise(Value value, int inputs, int outputs) => f.Graph.Add(new Conv(), value, f.Weight(outputs, inputs, 1, 1));
        var joined = f.Graph.Add(new Concat(1), Pointwise(x, channels, channels), Pointwise(x, channels, groups * 2));
        var all = channels + groups * 2;
        var shuffled = f.Shuffled(joined, all, groups, 3, 5);
        var parts = f.Graph.AddNode(new Split(1, 2, [all / 3, all - all / 3]), [shuffled], "split").Outputs;
        f.Graph.AddOutput(Pointwise(parts[0], all / 3, 3));
        f.Graph.AddOutput(Pointwise(f.Graph.Add(new Slice(), parts[1], f.Integers(1), f.Integers(-1), f.Integers(1), f.Integers(1)), all - all / 3 - 2, 3));
        var layers = Check(f.Graph, 1e-5, channels, 3, 5);
        Assert.Equal(2, layers.Count(layer => layer.Tactic == "channel-map"));
        Assert.DoesNotContain(layers, layer => layer.Tactic is "strided-copy" or "block-concat");
    }

    [Fact]
    public void Quantized_channel_shuffles_stay_in_bytes()
    {
        var b = new Int8.QdqGraphBuilder(9);
        var x = b.Quantized(b.Input(12, 4, 3));
        var (scale, zero) = (x.Producer!.Input(1)!, x.Producer!.Input(2)!);
        Value Same(Value value) => b.Graph.Add(new DequantizeLinear(), b.Graph.Add(new QuantizeLinear(), value, scale, zero), scale, zero);
        var joined = b.Graph.Add(new Concat(1), Same(b.Conv(x, 12, 10)), x);
        var f = b.Graph.Add(new Reshape(), joined, b.Graph.AddConstant("i", Tensor.Vector<long>(0, 2, 11, 4, 3)));
        f = Same(b.Graph.Add(new Reshape(), b.Graph.Add(new Transpose([0, 2, 1, 3, 4]), f), b.Graph.AddConstant("i", Tensor.Vector<long>(0, 22, 4, 3))));
        var parts = b.Graph.AddNode(new Split(1, 2, [11, 11]), [f], "split").Outputs;
        b.Graph.AddOutput(b.Quantized(b.Conv(Same(parts[0]), 11, 4)));
        b.Graph.AddOutput(b.Quantized(b.Conv(Same(parts[1]), 11, 4)));
        Assert.Single(Identical(b.Graph, b.Data(new Shape(3, 12, 4, 3))), "Concat");
    }

    [Fact]
    public void Views_may_be_outputs_and_observed()
    {
        var f = new NetworkForms(10);
        var x = f.Input(4, 6);
        var flat = f.Graph.Add(new Flatten(), f.Graph.Add(new Relu(), x));
        f.Graph.AddOutput(flat);
        f.Graph.AddOutput(f.Graph.Add(new Reshape(), flat, f.Integers(0, 3, 8)));
        f.Graph.AddOutput(f.Graph.Add(new Reshape(), x, f.Integers(0, 8, 3)));
        Check(f.Graph, 0, 4, 6);
    }

    // The engine at all levels, batches and numbers of threads beside the interpreter; the layers of the highest level.
    private static IReadOnlyList<LayerInfo> Check(Graph graph, double tolerance, params int[] sizes)
    {
        IReadOnlyList<LayerInfo> layers = [];
        var data = new NetworkForms(99).Data([3, .. sizes]);
        foreach (var isa in IsaLevels())
            foreach (var threads in new[] { 1, 3 })
            {
                using var engine = EngineBuilder.Build(graph.Clone(), new EngineOptions { MaxBatch = 3, TimeTactics = false }, TestDevice.At(isa, threads));
                Assert.DoesNotContain(engine.Layers, layer => layer.Tactic == "reference");
                layers = engine.Layers;
                using var guarded = new GuardedRun(engine, threads);
                var got = guarded.RunAll(data);
                var want = GraphInterpreter.Run(graph, [data]);
                for (var output = 0; output < want.Length; output++)
                {
                    var (expected, computed) = (want[output].As<float>().Data, got[output].As<float>().Data);
                    var largest = Math.Max(1e-3, expected.Max(Math.Abs));
                    for (var i = 0; i < expected.Length; i++)
                        Expect.That(Math.Abs(expected[i] - computed[i]) <= tolerance * largest, $"{isa}, {threads} threads, output {output}, element {i}: expected {expected[i]:R}, got {computed[i]:R}\n{graph}");
                }
            }
        return layers;
    }

    // The engine at all levels beside reference loops, bit for bit; the kinds of its layers.
    private static IReadOnlyList<string> Identical(Graph graph, Tensor data)
    {
        IReadOnlyList<string> kinds = [];
        foreach (var isa in IsaLevels())
        {
            using var engine = EngineBuilder.Build(graph.Clone(), new EngineOptions { MaxBatch = 3, TimeTactics = false }, TestDevice.At(isa, 3));
            using var reference = EngineBuilder.Build(graph.Clone(), new EngineOptions { MaxBatch = 3, TimeTactics = false, ReferenceOnly = true }, TestDevice.At(isa, 1));
            Assert.DoesNotContain(engine.Layers, layer => layer.Tactic == "reference");
            kinds = [.. engine.Layers.Select(layer => layer.Spec.Kind.ToString())];
            using var guarded = new GuardedRun(engine, 3);
            using var slow = new GuardedRun(reference, 1);
            var (got, want) = (guarded.RunAll(data), slow.RunAll(data));
            for (var i = 0; i < want.Length; i++) Assert.True(want[i].Bytes.SequenceEqual(got[i].Bytes), $"{isa}, output {i}\n{string.Join('\n', engine.Layers.Select(layer => $"{layer.Tactic} {layer.Spec}"))}");
        }
        return kinds;
    }
}
