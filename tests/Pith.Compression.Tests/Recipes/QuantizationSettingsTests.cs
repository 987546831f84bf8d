using Pith.Compression.Tests.Training;
using Pith.Ops;

namespace Pith.Compression.Tests.Recipes;

/// <summary>Every setting of <c>quantize</c> and <c>qat</c> is found in the file that they write.</summary>
public class QuantizationSettingsTests
{
    private static readonly string[] s_layers = ["conv1", "conv2", "fc"];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Weights_have_a_scale_per_channel_or_one_per_tensor(bool isQat)
    {
        foreach (var perChannel in new[] { true, false })
        {
            var exported = Exported(isQat, new QuantizationSettings { PerChannel = perChannel });
            var scales = s_layers.Select(name => Dequantize(exported, name, 1)!.Inputs[1]!.Type).ToArray();
            Assert.All(scales, type => Assert.Equal(perChannel ? 1 : 0, type.Rank));
            Assert.DoesNotContain(exported.Nodes, node => node.Op is BatchNormalization);
        }
    }

    [Theory]
    [InlineData(false, ActivationForm.Int8, DataType.Int8)]
    [InlineData(false, ActivationForm.UInt8, DataType.UInt8)]
    [InlineData(true, ActivationForm.Int8, DataType.Int8)]
    [InlineData(true, ActivationForm.UInt8, DataType.UInt8)]
    public void Activations_have_the_type_asked_for_and_weights_are_int8(bool isQat, ActivationForm activations, DataType type)
    {
        var exported = Exported(isQat, new QuantizationSettings { Activations = activations });
        Assert.All(s_layers, name => Assert.Equal(type, Dequantize(exported, name, 0)!.Inputs[0]!.Type.DataType));
        Assert.All(s_layers, name => Assert.Equal(DataType.Int8, Dequantize(exported, name, 1)!.Inputs[0]!.Type.DataType));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Scales_are_short_unless_exact_ones_are_asked_for(bool isQat, bool isPerChannel)
    {
        var all = new Dictionary<bool, float[]>();
        foreach (var exact in new[] { false, true })
        {
            var exported = Exported(isQat, new QuantizationSettings { ExactScales = exact, PerChannel = isPerChannel });
            all[exact] = [.. exported.Nodes.Where(node => node.Op is DequantizeLinear).SelectMany(node => node.Inputs[1]!.Constant!.As<float>().Data)];
        }
        Assert.All(all[false], scale => Assert.InRange(ShortWeightScale.OddPart(scale), 1, 255));
        Assert.True(all[true].Count(scale => ShortWeightScale.OddPart(scale) < 256) < all[true].Length / 2, "exact scales are rounded");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Layers_stay_in_float_as_asked(bool isQat)
    {
        Assert.Equal(["conv2", "fc"], Quantized(isQat, new QuantizationSettings { FirstLayerInFloat = true }));
        Assert.Equal(["conv1", "conv2"], Quantized(isQat, new QuantizationSettings { LastLayerInFloat = true }));
        Assert.Equal(["conv1", "fc"], Quantized(isQat, new QuantizationSettings { KeepFloat = ["conv2"] }));
        Assert.Equal(["fc"], Quantized(isQat, new QuantizationSettings { KeepFloatTypes = ["Conv"] }));
        Assert.Equal(["conv2"], Quantized(isQat, new QuantizationSettings { Only = ["conv2"] }));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_calibrator_chooses_the_range(bool isQat)
    {
        var settings = new QuantizationSettings { ExactScales = true };
        var scales = new[] { "max", "percentile:90", "mse", "entropy" }
            .ToDictionary(name => name, name => Dequantize(Exported(isQat, settings with { Calibrator = CalibratorCatalog.Parse(name) }), "conv1", 0)!.Inputs[1]!.Constant!.As<float>().Data[0]);
        var largest = Enumerable.Range(0, Toy.Data.Train.Count).SelectMany(i => Toy.Data.Train.Load(i).Values.ToArray()).Max(Math.Abs);
        Assert.Equal(largest / 127, scales["max"], 1e-6f);
        Assert.True(scales["percentile:90"] < scales["max"]);
        Assert.True(scales["mse"] <= scales["max"]);
        Assert.True(scales["entropy"] <= scales["max"]);
    }

    [Fact]
    public void A_network_in_half_precision_is_quantized_in_single()
    {
        var graph = Toy.Network();
        var half = new Graph("half");
        var copies = new Dictionary<Value, Value> { [graph.Inputs[0]] = half.AddInput("images", graph.Inputs[0].Type.As(DataType.Float16)) };
        foreach (var constant in graph.Constants) copies[constant] = half.AddConstant(constant.Name, constant.Type.DataType == DataType.Float32 ? constant.Constant!.ConvertTo(DataType.Float16) : constant.Constant!);
        foreach (var node in graph.Nodes) copies[node.Output] = half.AddNode(node.Op, [.. node.Inputs.Select(input => copies[input!])], node.Name, [node.Output.Name]).Output;
        half.AddOutput(copies[graph.Outputs[0]]);

        foreach (var isQat in new[] { false, true })
        {
            var exported = Exported(isQat, new QuantizationSettings(), half);
            Assert.Equal(DataType.Float32, exported.Inputs[0].Type.DataType);
            Assert.All(s_layers, name => Assert.NotNull(Dequantize(exported, name, 1)));
        }
    }

    private static string[] Quantized(bool isQat, QuantizationSettings settings)
    {
        var exported = Exported(isQat, settings);
        return [.. s_layers.Where(name => Dequantize(exported, name, 0) is not null && Dequantize(exported, name, 1) is not null)];
    }

    // Written and read again.
    private static Graph Exported(bool isQat, QuantizationSettings settings, Graph? network = null)
    {
        settings = settings with { Samples = Toy.Data.Train.Count };
        var context = new StepContext { Stage = "int8", TrainingData = Toy.Data.Train };
        RecipeStep step = isQat ? new QatStep(settings, Toy.Settings with { Epochs = 1, LearningRate = 0.001 }) : new QuantizeStep(settings);
        return OnnxModel.Load(OnnxModel.ToBytes(step.Apply(network ?? Toy.Network(), context).Graph));
    }

    private static Node? Dequantize(Graph graph, string layer, int operand) =>
        graph.Nodes.Single(node => node.Name == layer).Inputs[operand]!.Producer is { Op: DequantizeLinear } node ? node : null;
}
