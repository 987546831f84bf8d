using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Tests;

public class Prune24Tests
{
    [Fact]
    public void Every_eligible_layer_is_pruned_and_the_others_say_why_not()
    {
        var graph = TestNetwork.Residual();
        var result = Prune24.Apply(graph, new PruningSettings());
        Assert.Equal(["conv0", "conv1a", "conv1b", "conv2a", "conv2b", "down2", "fc"], result.Layers.Select(layer => layer.Name).Order(StringComparer.Ordinal));
        var conv0 = result.Layers.Single(layer => layer.Name == "conv0");
        Assert.Equal("3 input channels, fewer than 4 (usually the first layer)", conv0.SkipReason);
        Assert.Equal(1, conv0.KeptMagnitude);
        Assert.Equal(6, result.Masks.Count);
        Assert.All(result.Layers.Where(layer => layer.Name != "conv0"), layer =>
        {
            Assert.Null(layer.SkipReason);
            Assert.InRange(layer.KeptMagnitude, 0.7, 0.85);
            var weight = graph.Find(layer.Weight)!.Constant!.As<float>();
            Assert.Equal(weight.Length / 2, weight.Data.Count(w => w == 0));
            Assert.Null(result.Masks[layer.Weight].FirstUnmasked(weight.Span));
        });
    }

    [Fact]
    public void The_asp_rule_leaves_out_what_sparse_tensor_cores_would_not_take()
    {
        var result = Prune24.Apply(TestNetwork.Residual(), new PruningSettings { Rule = SparsityRule.Asp });
        Assert.Equal("10 output channels, not a multiple of 8", result.Layers.Single(layer => layer.Name == "fc").SkipReason);
    }

    [Fact]
    public void Excluded_layers_stay_dense()
    {
        var result = Prune24.Apply(TestNetwork.Residual(), new PruningSettings { Exclude = ["conv2*"], ExcludeOpTypes = ["Gemm"] });
        Assert.Equal("excluded by 'conv2*'", result.Layers.Single(layer => layer.Name == "conv2b").SkipReason);
        Assert.Equal("excluded by op type Gemm", result.Layers.Single(layer => layer.Name == "fc").SkipReason);
        Assert.Contains("'relu1'", Assert.Throws<PithException>(() => Prune24.Apply(TestNetwork.Residual(), new PruningSettings { Exclude = ["relu1"] })).Message);
    }

    // Found by fuzzing: the layer is gone after simplifying, so every later step missed it.
    [Fact]
    public void A_layer_whose_result_nobody_uses_stays_dense()
    {
        var net = new TestNetwork(4, 8);
        net.Relu("relu", net.Conv("unused", net.Input, 16));
        var graph = net.Classify(net.Conv("used", net.Input, 16));
        var result = Prune24.Apply(graph, new PruningSettings());
        Assert.Equal("the network does not use its result", result.Layers.Single(layer => layer.Name == "unused").SkipReason);
        Assert.Equal(["fc", "used"], SparsityRecord.PrunedLayers(graph).Order(StringComparer.Ordinal));
        PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
        SparsityRecord.Verify(graph, "simplifying");
    }

    [Fact]
    public void The_tensor_that_another_graph_shares_is_not_touched()
    {
        var graph = TestNetwork.Residual();
        var copy = graph.Clone();
        Prune24.Apply(copy, new PruningSettings());
        Assert.DoesNotContain(0f, graph.Find("conv1a.weight")!.Constant!.As<float>().Data);
        Assert.Empty(SparsityRecord.PrunedLayers(graph));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gemm_is_pruned_along_the_axis_that_it_sums_over(bool transB)
    {
        var graph = new Graph();
        var weight = graph.AddConstant("w", Tensor.Create(transB ? new Shape(6, 8) : new Shape(8, 6), Samples.Gaussian(1, 48)));
        graph.AddOutput(graph.AddNode(new Gemm { TransB = transB }, [graph.AddInput("x", TensorType.Float32(2, 8)), weight], "fc").Output);
        Prune24.Apply(graph, new PruningSettings());
        var pruned = graph.Find("w")!.Constant!.As<float>().Data;
        for (var n = 0; n < 6; n++)
            for (var quad = 0; quad < 2; quad++)
                Assert.Equal(2, Enumerable.Range(quad * 4, 4).Count(k => pruned[transB ? n * 8 + k : k * 6 + n] != 0));
    }

    [Fact]
    public void Constants_on_the_left_of_a_product_are_weights_too()
    {
        var graph = new Graph();
        var weight = graph.AddConstant("w", Tensor.Create(new Shape(6, 8), Samples.Gaussian(1, 48)));
        graph.AddOutput(graph.AddNode(new MatMul(), [weight, graph.AddInput("x", TensorType.Float32(8, 3))], "product").Output);
        var operand = WeightOperand.Of(graph.Nodes[0])!;
        Assert.Equal((0, 0, 1), (operand.Index, operand.OutputAxis, operand.ReductionAxis));
        Assert.Null(Prune24.Apply(graph, new PruningSettings()).Layers[0].SkipReason);
    }

    [Fact]
    public void A_weight_that_two_layers_sum_over_along_different_axes_stays_dense()
    {
        var graph = new Graph();
        var weight = graph.AddConstant("w", Tensor.Create(new Shape(8, 8), Samples.Gaussian(1, 64)));
        var x = graph.AddInput("x", TensorType.Float32(2, 8));
        var first = graph.AddNode(new Gemm { TransB = true }, [x, weight], "first").Output;
        graph.AddOutput(graph.AddNode(new Gemm(), [first, weight], "second").Output);
        var result = Prune24.Apply(graph, new PruningSettings());
        Assert.Equal("shares its weight with 'second', which sums over another axis", result.Layers[0].SkipReason);
        Assert.Empty(result.Masks);
    }

    [Fact]
    public void Masks_come_back_from_the_zeros_of_a_saved_graph()
    {
        var graph = TestNetwork.Residual();
        var result = Prune24.Apply(graph, new PruningSettings());
        Assert.Equal(result.Masks.OrderBy(m => m.Key, StringComparer.Ordinal), SparsityRecord.RecoverMasks(graph.Clone()).OrderBy(m => m.Key, StringComparer.Ordinal));
        Assert.Empty(SparsityRecord.RecoverMasks(TestNetwork.Residual()));
    }

    [Fact]
    public void The_pattern_survives_quantization_and_the_fold()
    {
        var net = new TestNetwork(8, 4);
        net.Graph.AddOutput(net.BatchNorm("norm", net.Conv("conv", net.Input, 8, 3)));
        Prune24.Apply(net.Graph, new PruningSettings());
        Assert.Equal(1, SparsityRecord.Verify(net.Graph, "pruning"));
        TestNetwork.Quantize(net.Graph);
        Assert.Equal(1, SparsityRecord.Verify(net.Graph, "Q/DQ"));
        FakeQuantization.Finish(net.Graph, new());
        Assert.Equal(1, SparsityRecord.Verify(net.Graph, "folding"));
        Assert.Contains("before quantization", Assert.Throws<PithException>(() => SparsityRecord.RecoverMasks(net.Graph)).Message);
    }

    [Fact]
    public void A_weight_that_came_back_and_a_layer_that_is_gone_are_found()
    {
        var graph = TestNetwork.Residual();
        Prune24.Apply(graph, new PruningSettings());
        var weight = graph.Find("conv2a.weight")!.Constant!.As<float>();
        weight.Span.Fill(1);
        var error = Assert.Throws<PithException>(() => SparsityRecord.Verify(graph, "fine-tuning"));
        Assert.Contains("After fine-tuning: Conv 'conv2a' was pruned to 2:4, but its weight 'conv2a.weight' [32,16,3,3] has 4 non-zeros in the four weights from [0, 0, 0]", error.Message);

        graph = TestNetwork.Residual();
        graph.Metadata[SparsityRecord.MetadataKey] = "conv77";
        Assert.Contains("'conv77'", Assert.Throws<PithException>(() => SparsityRecord.Verify(graph, "loading")).Message);
    }

    [Fact]
    public void A_weight_that_is_not_finite_is_refused()
    {
        var graph = TestNetwork.Residual();
        graph.Find("conv1a.weight")!.Constant!.As<float>().Data[0] = float.PositiveInfinity;
        Assert.Contains("'conv1a.weight'", Assert.Throws<PithException>(() => Prune24.Apply(graph, new PruningSettings())).Message);
    }

    [Theory]
    [InlineData("transpose")]
    [InlineData("identity")]
    [InlineData("reshape")]
    [InlineData("half")]
    [InlineData("left")]
    public void A_weight_is_pruned_along_the_layer_s_reduction_whatever_lies_between_it_and_the_layer(string way)
    {
        var graph = new Graph();
        var stored = Tensor.Create(way == "transpose" ? new Shape(6, 8) : way == "reshape" ? new Shape(48) : new Shape(8, 6), Samples.Gaussian(5, 48));
        var constant = graph.AddConstant("w", way == "half" ? stored.ConvertTo(DataType.Float16) : stored);
        var operand = way switch
        {
            "transpose" or "left" => graph.Add(new Transpose(), constant),
            "identity" => graph.Add(new Identity(), constant),
            "reshape" => graph.Add(new Reshape(), constant, graph.AddConstant("shape", Tensor.Vector(8L, 6))),
            _ => graph.Add(new Cast(DataType.Float32), constant),
        };
        var x = graph.AddInput("x", way == "left" ? TensorType.Float32(8, 2) : TensorType.Float32(2, 8));
        graph.AddOutput(graph.AddNode(new MatMul(), way == "left" ? [operand, x] : [x, operand], "fc").Output);

        var layer = Assert.Single(Prune24.Apply(graph, new PruningSettings()).Layers);
        Assert.Null(layer.SkipReason);
        Assert.Equal(1, SparsityRecord.Verify(graph, "pruning"));
        var seen = WeightOperand.Evaluate(operand)!.ConvertTo(DataType.Float32).As<float>().Data;
        // [8, 6] sums along axis 0; as the left operand [6, 8] along axis 1.
        var reductionFirst = way == "left" ? Enumerable.Range(0, 48).Select(i => seen[i % 6 * 8 + i / 6]).ToArray() : seen;
        for (var column = 0; column < 6; column++)
            for (var quad = 0; quad < 8; quad += 4)
                Assert.Equal(2, Enumerable.Range(quad, 4).Count(row => reductionFirst[row * 6 + column] != 0));
        // Simplifying brings the weight to the layer; the record still holds.
        Passes.PassRunner.RunToFixpoint(graph, Passes.Pipelines.Simplify);
        Assert.Equal(1, SparsityRecord.Verify(graph, "simplifying"));
        Assert.Equal(way == "left" ? 1 : 6, Assert.Single(SparsityRecord.RecoverMasks(graph)).Value.Layout.Inner);
    }

    [Fact]
    public void A_weight_that_something_else_reads_stays_dense()
    {
        var graph = new Graph();
        var table = graph.AddConstant("table", Tensor.Create(new Shape(8, 8), Samples.Gaussian(6, 64)));
        var embedded = graph.AddNode(new Gather(0), [table, graph.AddInput("tokens", new TensorType(DataType.Int64, [3]))], "embedding").Output;
        graph.AddOutput(graph.AddNode(new MatMul(), [embedded, graph.Add(new Transpose(), table)], "head").Output);
        var layer = Assert.Single(Prune24.Apply(graph, new PruningSettings()).Layers);
        Assert.Equal("its weight 'table' is read by Gather 'embedding' as well", layer.SkipReason);
    }

    [Fact]
    public void One_weight_in_both_orientations_stays_dense()
    {
        var graph = new Graph();
        var w = graph.AddConstant("w", Tensor.Create(new Shape(8, 8), Samples.Gaussian(7, 64)));
        var first = graph.AddNode(new MatMul(), [graph.AddInput("x", TensorType.Float32(2, 8)), w], "straight").Output;
        graph.AddOutput(graph.AddNode(new MatMul(), [first, graph.Add(new Transpose(), w)], "turned").Output);
        Assert.All(Prune24.Apply(graph, new PruningSettings()).Layers, layer => Assert.Contains("which sums over another axis", layer.SkipReason, StringComparison.Ordinal));
    }
}
