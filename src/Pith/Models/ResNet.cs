namespace Pith.Models;

/// <summary>
/// Residual networks (He et al. 2015) as torchvision has them: the stride of a bottleneck is in its 3x3 convolution (v1.5), and a branch that changes
/// shape has a 1x1 convolution as shortcut. Also ResNeXt (Xie et al. 2016) and the CIFAR variants with a 3x3 stem.
/// </summary>
internal sealed record ResNet
{
    /// <summary>The number of blocks in each stage; each stage but the first halves the resolution and doubles the channels.</summary>
    public required ValueList<int> Blocks { get; init; }

    /// <summary>Blocks of 1x1, 3x3 and 1x1 convolutions that widen four times, instead of two 3x3.</summary>
    public bool Bottleneck { get; init; }

    /// <summary>True for small images: a 3x3 convolution with stride 1 and no pooling, instead of 7x7 with stride 2 and 3x3 max-pooling.</summary>
    public bool SmallStem { get; init; }

    /// <summary>The channels of the first stage.</summary>
    public int Width { get; init; } = 64;

    /// <summary>The groups of the 3x3 convolution of a bottleneck.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>The channels of each group in the first stage; 64 for networks without groups.</summary>
    public int GroupWidth { get; init; } = 64;

    /// <summary>The network with fresh parameters.</summary>
    public Graph Build(string name, int resolution, int classes, int seed)
    {
        var network = new NetworkBuilder(name, resolution, seed);
        var x = network.Conv(network.Input, "conv1", Width, kernel: SmallStem ? 3 : 7, stride: SmallStem ? 1 : 2);
        x = network.Relu(network.BatchNorm(x, "bn1"), "relu");
        if (!SmallStem) x = network.MaxPool(x, "maxpool", kernel: 3, stride: 2);
        for (var stage = 0; stage < Blocks.Count; stage++)
            for (var block = 0; block < Blocks[stage]; block++)
                x = Block(network, x, $"layer{stage + 1}.{block}", Width << stage, stride: stage > 0 && block == 0 ? 2 : 1);
        return network.Classify(x, "fc", classes);
    }

    private Value Block(NetworkBuilder network, Value x, string name, int width, int stride)
    {
        var filters = Bottleneck ? 4 * width : width;
        var shortcut = x;
        if (stride != 1 || NetworkBuilder.Channels(x) != filters)
            shortcut = network.BatchNorm(network.Conv(x, $"{name}.downsample.0", filters, kernel: 1, stride), $"{name}.downsample.1");
        var branch = Bottleneck ? BottleneckBranch(network, x, name, width, stride) : BasicBranch(network, x, name, width, stride);
        return network.Relu(network.Add(branch, shortcut, $"{name}.add"), $"{name}.relu");
    }

    private static Value BasicBranch(NetworkBuilder network, Value x, string name, int width, int stride)
    {
        x = network.BatchNorm(network.Conv(x, $"{name}.conv1", width, kernel: 3, stride), $"{name}.bn1");
        x = network.Relu(x, $"{name}.relu1");
        return network.BatchNorm(network.Conv(x, $"{name}.conv2", width, kernel: 3), $"{name}.bn2");
    }

    private Value BottleneckBranch(NetworkBuilder network, Value x, string name, int width, int stride)
    {
        var inner = width * GroupWidth / 64 * Groups;
        x = network.BatchNorm(network.Conv(x, $"{name}.conv1", inner, kernel: 1), $"{name}.bn1");
        x = network.Relu(x, $"{name}.relu1");
        x = network.BatchNorm(network.Conv(x, $"{name}.conv2", inner, kernel: 3, stride, Groups), $"{name}.bn2");
        x = network.Relu(x, $"{name}.relu2");
        return network.BatchNorm(network.Conv(x, $"{name}.conv3", 4 * width, kernel: 1), $"{name}.bn3");
    }
}
