namespace Pith.Models;

/// <summary>The one list of networks that Pith can build.</summary>
public static class ModelCatalog
{
    private const int ImageNetClasses = 1000;

    /// <summary>Every network, ImageNet before CIFAR, images before text.</summary>
    public static IReadOnlyList<ModelDescription> All { get; } =
    [
        ImageNet("resnet18", "ResNet-18, basic blocks", new ResNet { Blocks = [2, 2, 2, 2] }),
        ImageNet("resnet34", "ResNet-34, basic blocks", new ResNet { Blocks = [3, 4, 6, 3] }),
        ImageNet("resnet50", "ResNet-50, bottleneck blocks (v1.5)", new ResNet { Blocks = [3, 4, 6, 3], Bottleneck = true }),
        ImageNet("resnet101", "ResNet-101, bottleneck blocks (v1.5)", new ResNet { Blocks = [3, 4, 23, 3], Bottleneck = true }),
        ImageNet("resnext101-32x8d", "ResNeXt-101, 32 groups of 8 channels", new ResNet { Blocks = [3, 4, 23, 3], Bottleneck = true, Groups = 32, GroupWidth = 8 }),
        ImageNet("resnet50v2", "ResNet-50 v2, pre-activation blocks", new PreActivationResNet { Blocks = [3, 4, 6, 3] }.Build, input: ModelInput.Keras),
        ImageNet("resnet101v2", "ResNet-101 v2, pre-activation blocks", new PreActivationResNet { Blocks = [3, 4, 23, 3] }.Build, input: ModelInput.Keras),
        ImageNet("mobilenetv2", "MobileNetV2, inverted residuals, Relu6", MobileNetV2.Build),
        ImageNet("efficientnet-b0", "EfficientNet-B0, squeeze-and-excitation, SiLU", new EfficientNet(1.0, 1.0).Build, input: Bicubic(256)),
        ImageNet("efficientnet-b1", "EfficientNet-B1", new EfficientNet(1.0, 1.1).Build, resolution: 240, Bicubic(256)),
        ImageNet("efficientnet-b2", "EfficientNet-B2", new EfficientNet(1.1, 1.2).Build, resolution: 260, Bicubic(292)),
        ImageNet("efficientnet-b3", "EfficientNet-B3", new EfficientNet(1.2, 1.4).Build, resolution: 300, Bicubic(320)),
        Cifar("cifar-resnet8", "CIFAR ResNet-8, three stages of one basic block", blocks: [1, 1, 1], width: 16),
        Cifar("cifar-resnet20", "CIFAR ResNet-20, three stages of three basic blocks", blocks: [3, 3, 3], width: 16),
        Cifar("cifar-resnet56", "CIFAR ResNet-56, three stages of nine basic blocks", blocks: [9, 9, 9], width: 16),
        Cifar("cifar-resnet18", "Wide CIFAR ResNet-18: four stages, 3x3 stem, no pooling", blocks: [2, 2, 2, 2], width: 64),
        Cifar("cifar-resnet8-wide", "CIFAR ResNet-8 at four times the width: 64 to 256 channels", blocks: [1, 1, 1], width: 64),
        Cifar("cifar-efficientnet", "EfficientNet for 32x32: four stages, stem of stride 1", new EfficientNet(1.0, 1.0) { IsSmall = true }.Build),
        Cifar("cifar-vit", "Vision transformer: patches of 4x4, class token, 4 blocks", width: 96, (chosen, width, seed) => new VisionTransformer(Patch: 4, new Transformer(width, Depth: 4, HeadWidth: 24, Expansion: 2)).Build(chosen.Name, chosen.Resolution, chosen.Classes, seed)),
        Text("text-encoder", "BERT-like classifier of 32 tokens from a vocabulary of 256, 2 blocks", tokens: 32, width: 64, (chosen, width, seed) => new TextEncoder(Vocabulary: 256, new Transformer(width, Depth: 2, HeadWidth: 16, Expansion: 4)).Build(chosen.Name, chosen.Resolution, chosen.Classes, seed)),
    ];

    /// <summary>The network called <paramref name="name"/>.</summary>
    /// <exception cref="PithException">There is none; the message lists those that there are.</exception>
    public static ModelDescription Find(string name) =>
        All.FirstOrDefault(model => model.Name == name) ?? throw new PithException($"There is no model called '{name}'. The models are {string.Join(", ", All.Select(model => model.Name))}.");

    private static ModelDescription ImageNet(string name, string description, ResNet network) => ImageNet(name, description, network.Build);

    private static ModelDescription ImageNet(string name, string description, Func<string, int, int, int, Graph> build, int resolution = 224, ModelInput? input = null) =>
        new((chosen, seed) => build(chosen.Name, chosen.Resolution, chosen.Classes, seed))
        {
            Name = name,
            Description = description,
            Resolution = resolution,
            Classes = ImageNetClasses,
            Input = input ?? ModelInput.ImageNet,
        };

    // Shorter sides: torchvision's weights of B0, B1 and B3; B2 was published for 260 pixels with a crop of 89%.
    private static ModelInput Bicubic(int resize) => new() { Resize = resize, Filter = "bicubic" };

    private static ModelDescription Cifar(string name, string description, ValueList<int> blocks, int width) =>
        Cifar(name, description, width, (chosen, channels, seed) => new ResNet { Blocks = blocks, SmallStem = true, Width = channels }.Build(chosen.Name, chosen.Resolution, chosen.Classes, seed));

    private static ModelDescription Cifar(string name, string description, Func<string, int, int, int, Graph> build) =>
        Cifar(name, description, width: null, (chosen, _, seed) => build(chosen.Name, chosen.Resolution, chosen.Classes, seed));

    private static ModelDescription Cifar(string name, string description, int? width, Func<ModelDescription, int, int, Graph> build) =>
        new((chosen, seed) => build(chosen, chosen.Width ?? 0, seed))
        {
            Name = name,
            Description = description,
            Resolution = 32,
            Classes = 10,
            Width = width,
            Input = ModelInput.Cifar,
        };

    private static ModelDescription Text(string name, string description, int tokens, int width, Func<ModelDescription, int, int, Graph> build) =>
        new((chosen, seed) => build(chosen, chosen.Width ?? width, seed))
        {
            Name = name,
            Description = description,
            Resolution = tokens,
            Classes = 2,
            Width = width,
            TakesTokens = true,
        };
}
