using Pith.Compression.Tests.Training;
using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Tests;

/// <summary>Pruning to V:2:4 and what becomes of the pattern on the way to the file that is shipped.</summary>
public class SharedPatternTests
{
    private static readonly SparsityPattern s_sixteen = SparsityPattern.Parse("16:2:4");

    public static TheoryData<string> Patterns => [.. SparsityPattern.All.Select(pattern => pattern.ToString())];

    [Theory, MemberData(nameof(Patterns))]
    public void Every_layer_gets_the_pattern_and_the_file_says_so(string name)
    {
        var pattern = SparsityPattern.Parse(name);
        var graph = TestNetwork.Residual();
        var result = Prune24.Apply(graph, new PruningSettings { Pattern = pattern });
        Assert.Equal(6, SparsityRecord.Verify(graph, "pruning"));
        var loaded = OnnxModel.Load(OnnxModel.ToBytes(graph));
        Assert.All(SparsityRecord.Patterns(loaded), layer => Assert.Equal(pattern, layer.Pattern));
        Assert.Equal(result.Masks.OrderBy(m => m.Key, StringComparer.Ordinal), SparsityRecord.RecoverMasks(loaded).OrderBy(m => m.Key, StringComparer.Ordinal));
        foreach (var layer in result.Layers.Where(layer => layer.SkipReason is null))
        {
            var weight = graph.Find(layer.Weight)!.Constant!.As<float>().Data;
            Assert.True(PatternReference.Holds(weight, layer.Shape, 1, 0, layer.Shape[0], pattern.Channels), layer.Name);
            Assert.Equal(weight.Length / 2, weight.Count(w => w == 0));
            Assert.Equal(pattern, layer.Pattern);
            Assert.Equal(pattern.IsShared && layer.Shape[0] % pattern.Channels != 0 ? layer.Shape[0] % pattern.Channels : null, layer.SmallerGroup);
        }
        Assert.InRange(result.KeptMagnitude, 0.5, 0.9);
        Assert.Null(result.Layers.Single(layer => layer.Name == "conv0").Pattern);
    }

    [Fact]
    public void Stricter_patterns_keep_less()
    {
        var kept = SparsityPattern.All.Take(4).Select(pattern => Prune24.Apply(TestNetwork.Residual(), new PruningSettings { Pattern = pattern, ChannelOrder = ChannelOrder.Keep }).KeptMagnitude).ToArray();
        Assert.Equal(kept.OrderDescending(), kept);
        Assert.True(kept[0] - kept[3] > 0.1, string.Join(' ', kept));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void Matrices_share_along_the_axis_of_their_outputs(bool transB, bool asMatMul)
    {
        var graph = new Graph();
        var shape = transB ? new Shape(36, 8) : new Shape(8, 36);
        var weight = graph.AddConstant("w", Tensor.Create(shape, Samples.Gaussian(1, 288)));
        Op op = asMatMul ? new MatMul() : new Gemm { TransB = transB };
        graph.AddOutput(graph.AddNode(op, [graph.AddInput("x", TensorType.Float32(2, 8)), weight], "fc").Output);
        Prune24.Apply(graph, new PruningSettings { Pattern = s_sixteen });
        Assert.True(PatternReference.Holds(graph.Find("w")!.Constant!.As<float>().Data, shape, transB ? 1 : 0, transB ? 0 : 1, 36, 16));
        Assert.Equal("16:2:4", Assert.Single(GraphSummary.Of(graph).Layers).Pattern);
    }

    [Fact]
    public void Groups_of_channels_do_not_cross_convolution_groups()
    {
        var net = new TestNetwork(16, 4);
        net.Graph.AddOutput(net.Conv("conv", net.Input, 48, 3, groups: 2));
        Prune24.Apply(net.Graph, new PruningSettings { Pattern = s_sixteen });
        // 24 channels a group: 16 and 8.
        Assert.True(PatternReference.Holds(net.Graph.Find("conv.weight")!.Constant!.As<float>().Data, new Shape(48, 8, 3, 3), 1, 0, 24, 16));
        Assert.Equal(8, Prune24.Apply(net.Graph, new PruningSettings { Pattern = s_sixteen }).Layers[0].SmallerGroup);
    }

    [Theory]
    [InlineData("transpose")]
    [InlineData("reshape")]
    [InlineData("half")]
    public void A_stored_weight_is_pruned_along_the_axes_that_the_layer_sees(string way)
    {
        var graph = new Graph();
        var stored = Tensor.Create(way == "transpose" ? new Shape(20, 8) : way == "reshape" ? new Shape(160) : new Shape(8, 20), Samples.Gaussian(5, 160));
        var constant = graph.AddConstant("w", way == "half" ? stored.ConvertTo(DataType.Float16) : stored);
        var operand = way switch
        {
            "transpose" => graph.Add(new Transpose(), constant),
            "reshape" => graph.Add(new Reshape(), constant, graph.AddConstant("shape", Tensor.Vector(8L, 20))),
            _ => graph.Add(new Cast(DataType.Float32), constant),
        };
        graph.AddOutput(graph.AddNode(new MatMul(), [graph.AddInput("x", TensorType.Float32(2, 8)), operand], "fc").Output);
        Prune24.Apply(graph, new PruningSettings { Pattern = s_sixteen });
        var seen = WeightOperand.Evaluate(operand)!.ConvertTo(DataType.Float32).As<float>().Data;
        Assert.True(PatternReference.Holds(seen, new Shape(8, 20), 0, 1, 20, 16));
        PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
        Assert.Equal(1, SparsityRecord.Verify(graph, "simplifying"));
    }

    [Fact]
    public void A_transposed_convolution_shares_across_its_own_output_axis()
    {
        var graph = new Graph();
        var weight = graph.AddConstant("w", Tensor.Create(new Shape(8, 20, 3, 3), Samples.Gaussian(3, 1440)));
        graph.AddOutput(graph.AddNode(new ConvTranspose(), [graph.AddInput("x", TensorType.Float32(1, 8, 4, 4)), weight], "up").Output);
        Prune24.Apply(graph, new PruningSettings { Pattern = s_sixteen });
        Assert.True(PatternReference.Holds(graph.Find("w")!.Constant!.As<float>().Data, new Shape(8, 20, 3, 3), 0, 1, 20, 16));
    }

    [Fact]
    public void The_pattern_survives_training_quantization_and_export()
    {
        var context = new StepContext { Stage = "test", TrainingData = Toy.Data.Train };
        var trained = TrainingLoop.Run(Toy.Network(), Toy.Data, Toy.Settings with { Epochs = 1 }, new TrainingOptions()).Model;
        var pruned = new PruneStep(new PruningSettings { Pattern = SparsityPattern.Parse("4:2:4") }).Apply(trained, context).Graph;
        var settings = Toy.Settings with { Epochs = 1 };
        var tuned = new FineTuneStep(settings).Apply(pruned, context).Graph;
        var int8 = new QuantizeStep(new QuantizationSettings { Samples = 32 }).Apply(tuned, context).Graph;
        var qat = new QatStep(new QuantizationSettings { Samples = 32 }, settings).Apply(tuned, context).Graph;
        Assert.NotEqual(Toy.Constant(pruned, "conv2.weight"), Toy.Constant(tuned, "conv2.weight"));
        foreach (var graph in new[] { tuned, int8, qat })
        {
            Assert.Equal(2, SparsityRecord.Verify(graph, "the chain"));
            Assert.All(SparsityRecord.Patterns(graph), layer => Assert.Equal("4:2:4", layer.Pattern.ToString()));
            Assert.All(GraphSummary.Of(graph).Layers.Where(layer => layer.Name is "conv2" or "fc"), layer => Assert.Contains(layer.Pattern, (string[])["4:2:4", "8:2:4"]));
        }
    }

    [Fact]
    public void A_file_without_patterns_is_2_4_and_a_broken_pattern_is_found()
    {
        var graph = TestNetwork.Residual();
        Prune24.Apply(graph, new PruningSettings());
        Assert.DoesNotContain(SparsityRecord.PatternsKey, graph.Metadata.Keys);
        Assert.All(SparsityRecord.Patterns(graph), layer => Assert.Equal(SparsityPattern.TwoOfFour, layer.Pattern));
        graph.Metadata[SparsityRecord.PatternsKey] = "16:2:4 conv2a";
        var error = Assert.Throws<PithException>(() => SparsityRecord.Verify(graph, "fine-tuning"));
        Assert.Contains("After fine-tuning: Conv 'conv2a' was pruned to 16:2:4, but its weight 'conv2a.weight' [32,16,3,3] has no common pattern of output channels 0 to 15", error.Message);
        foreach (var wrong in new[] { "16:2:4", "3:2:4 conv2a", "conv2a 16:2:4" })
        {
            graph.Metadata[SparsityRecord.PatternsKey] = wrong;
            Assert.Throws<PithException>(() => SparsityRecord.Verify(graph, "loading"));
        }
    }

    [Fact]
    public void A_layer_that_is_pruned_again_has_its_last_pattern()
    {
        var graph = TestNetwork.Residual();
        Prune24.Apply(graph, new PruningSettings { Pattern = s_sixteen });
        Prune24.Apply(graph, new PruningSettings { Include = ["conv1a"] });
        Assert.Equal(["2:4"], SparsityRecord.Patterns(graph).Where(layer => layer.Name == "conv1a").Select(layer => layer.Pattern.ToString()));
        Assert.Equal(5, SparsityRecord.Patterns(graph).Count(layer => layer.Pattern == s_sixteen));
        Assert.Equal(6, SparsityRecord.Verify(graph, "pruning"));
    }

    [Fact]
    public void Layers_that_see_one_weight_in_different_ways_stay_dense()
    {
        var graph = new Graph();
        var weight = graph.AddConstant("w", Tensor.Create(new Shape(32, 8, 1, 1), Samples.Gaussian(1, 256)));
        var first = graph.AddNode(new Conv(), [graph.AddInput("x", TensorType.Float32(1, 8, 4, 4)), weight], "plain").Output;
        var second = graph.AddNode(new Conv { Groups = 4 }, [first, weight], "grouped").Output;
        graph.AddOutput(second);
        Assert.All(Prune24.Apply(graph, new PruningSettings { Pattern = s_sixteen }).Layers, layer => Assert.Contains("whose output channels lie otherwise", layer.SkipReason, StringComparison.Ordinal));
        Assert.All(Prune24.Apply(graph, new PruningSettings()).Layers, layer => Assert.Null(layer.SkipReason));
    }

    [Fact]
    public void Settings_are_read_and_written()
    {
        var step = (PruneStep)StepCatalog.Find("prune").Read(SettingsJson.Parse("""{ "pattern": "32:2:4", "channel_order": "keep", "channel_seed": 7 }""", "test"), "test");
        Assert.Equal(new PruningSettings { Pattern = SparsityPattern.Parse("32:2:4"), ChannelOrder = ChannelOrder.Keep, ChannelSeed = 7 }, step.Pruning);
        Assert.Equal(step, StepCatalog.Find("prune").Read(step.ToJson(), "test"));
        Assert.Contains("'12:2:4'", Assert.Throws<PithException>(() => StepCatalog.Find("prune").Read(SettingsJson.Parse("""{ "pattern": "12:2:4" }""", "test"), "test")).Message);
    }
}
