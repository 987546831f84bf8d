using Pith.Models;
using Pith.Ops;

namespace Pith.Tests.Models;

public class ModelCatalogTests
{
    // Trainable parameters, as published by torchvision 0.19, Keras (v2 networks) and the CIFAR repositories (shortcuts by 1x1 convolution); and
    // multiply-accumulates of one image in millions, as published by torchvision, and by the papers where it has none. ResNet-8, the small EfficientNet and the transformers are counted by hand: nobody published them in this form.
    [Theory]
    [InlineData("resnet18", 224, 11_689_512, 1814)]
    [InlineData("resnet34", 224, 21_797_672, 3664)]
    [InlineData("resnet50", 224, 25_557_032, 4089)]
    [InlineData("resnet101", 224, 44_549_160, 7801)]
    [InlineData("resnext101-32x8d", 224, 88_791_336, 16414)]
    [InlineData("resnet50v2", 224, 25_568_360, 3480)]
    [InlineData("resnet101v2", 224, 44_577_896, 7200)]
    [InlineData("mobilenetv2", 224, 3_504_872, 301)]
    [InlineData("efficientnet-b0", 224, 5_288_548, 386)]
    [InlineData("efficientnet-b1", 240, 7_794_184, 687)]
    [InlineData("efficientnet-b2", 288, 9_109_994, 1088)]
    [InlineData("efficientnet-b3", 300, 12_233_232, 1827)]
    [InlineData("cifar-resnet8", 32, 78_042, 12.5)]
    [InlineData("cifar-resnet20", 32, 272_474, 41)]
    [InlineData("cifar-resnet56", 32, 855_770, 126)]
    [InlineData("cifar-resnet18", 32, 11_173_962, 556)]
    [InlineData("cifar-resnet8-wide", 32, 1_227_594, 195)]
    [InlineData("cifar-efficientnet", 32, 132_310, 12.9)]
    [InlineData("cifar-vit", 32, 311_338, 22.7)]
    [InlineData("text-encoder", 32, 122_818, 3.41)]
    public void A_network_has_the_published_size(string name, int resolution, long parameters, double millions)
    {
        var graph = ModelCatalog.Find(name).Build(new ModelOptions { Resolution = resolution });
        Assert.Equal(parameters, graph.Constants.Where(IsTrainable).Sum(parameter => (long)parameter.Constant!.Length));
        Assert.InRange(graph.Nodes.Sum(node => node.Op.Cost(node)) / 1e6, 0.99 * millions, 1.01 * millions);

        GraphVerifier.Verify(graph);
        Assert.Equal(ModelCatalog.Find(name).TakesTokens ? $"%input_ids:s64[N,{resolution}]" : $"%input:f32[N,3,{resolution},{resolution}]", Assert.Single(graph.Inputs).ToString());
        Assert.Equal(5, graph.Clone(("N", 5)).Outputs[0].Type[0].Size);
    }

    [Fact]
    public void Every_network_is_checked()
    {
        var sizes = typeof(ModelCatalogTests).GetMethod(nameof(A_network_has_the_published_size))!.GetCustomAttributes(typeof(InlineDataAttribute), false);
        Assert.Equal(ModelCatalog.All.Select(model => model.Name).Order(), sizes.Cast<InlineDataAttribute>().Select(row => (string)row.Data[0]!).Order());
    }

    [Fact]
    public void Classes_and_resolution_can_be_chosen()
    {
        var graph = ModelCatalog.Find("mobilenetv2").Build(new ModelOptions { Classes = 7, Resolution = 64 });
        Assert.Equal("%input:f32[N,3,64,64]", Assert.Single(graph.Inputs).ToString());
        Assert.Equal("%logits:f32[N,7]", Assert.Single(graph.Outputs).ToString());
        Assert.Contains("must be positive", Assert.Throws<PithException>(() => ModelCatalog.Find("mobilenetv2").Build(new ModelOptions { Classes = 0 })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("resnet18", "layer1.0.conv1", "layer2.0.downsample.0", "fc")]
    [InlineData("resnet50v2", "conv2_block1_0_conv", "conv4_block6_0_pool", "post_bn")]
    [InlineData("mobilenetv2", "features.0.0", "features.1.conv.1", "features.18.1")]
    [InlineData("efficientnet-b0", "features.1.0.block.1.fc1", "features.2.0.block.3.0", "features.8.0")]
    public void Nodes_and_parameters_are_called_as_in_the_original(string name, params string[] nodes)
    {
        var graph = ModelCatalog.Find(name).Build(new ModelOptions { Resolution = 32 });
        foreach (var node in nodes) Assert.Contains(node, graph.Nodes.Select(found => found.Name));
        foreach (var node in graph.Nodes.Where(node => node.Op is Conv or Gemm or BatchNormalization)) Assert.Equal($"{node.Name}.weight", node.Inputs[1]!.Name);
    }

    [Fact]
    public void The_seed_decides_the_parameters()
    {
        static float[] Weights(int seed) => ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Seed = seed }).Find("layer2.0.conv1.weight")!.Constant!.As<float>().Data;
        Assert.Equal(Weights(1), Weights(1));
        Assert.NotEqual(Weights(1), Weights(2));
    }

    [Fact]
    public void Convolutions_start_with_the_variance_that_keeps_gradients()
    {
        var weight = ModelCatalog.Find("cifar-resnet18").Build().Find("layer4.1.conv2.weight")!.Constant!.As<float>().Data;
        Assert.Equal(2.0 / (512 * 9), weight.Average(w => (double)w * w), 2e-6);
        Assert.Equal(0, weight.Average(w => (double)w), 1e-4);
    }

    [Fact]
    public void Fresh_networks_give_finite_logits_of_moderate_size()
    {
        var graph = ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Seed = 3 });
        var logits = GraphInterpreter.Run(graph, [Gradients.GradientCheck.Random(4, new Shape(2, 3, 32, 32))])[0].As<float>();
        Assert.Equal("[2,10]", logits.Shape.ToString());
        Assert.All(logits.Data, logit => Assert.InRange(Math.Abs(logit), 0, 100));
        Assert.NotEqual(logits.Data[0], logits.Data[10]);
    }

    [Fact]
    public void The_width_of_a_cifar_network_can_be_chosen()
    {
        var graph = ModelCatalog.Find("cifar-resnet18").Build(new ModelOptions { Width = 8 });
        Assert.Equal("f32[64,64,3,3]", graph.Find("layer4.1.conv2.weight")!.Type.ToString());
        var failure = Assert.Throws<PithException>(() => ModelCatalog.Find("resnet18").Build(new ModelOptions { Width = 8 }));
        Assert.Contains("cifar-resnet8, cifar-resnet20", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_not_listed_is_answered_with_those_that_are() =>
        Assert.Contains("resnet18, resnet34", Assert.Throws<PithException>(() => ModelCatalog.Find("resnet19")).Message, StringComparison.Ordinal);

    private static bool IsTrainable(Value parameter) => parameter.Type is { DataType: DataType.Float32, Rank: > 0 } && !parameter.Name.Contains(".running_", StringComparison.Ordinal);
}
