namespace Pith.Models;

/// <summary>MobileNetV2 (Sandler et al. 2018) as torchvision has it: inverted residuals with depthwise convolutions and Relu6.</summary>
internal static class MobileNetV2
{
    // Expansion, channels, blocks and stride of the first block, per stage (table 2 of the paper).
    private static readonly (int Expansion, int Channels, int Blocks, int Stride)[] s_stages =
    [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ];

    /// <summary>The network with fresh parameters.</summary>
    public static Graph Build(string name, int resolution, int classes, int seed)
    {
        var network = new NetworkBuilder(name, resolution, seed);
        var x = ConvRelu6(network, network.Input, "features.0", 32, kernel: 3, stride: 2);
        var index = 1;
        foreach (var stage in s_stages)
            for (var block = 0; block < stage.Blocks; block++, index++)
                x = InvertedResidual(network, x, $"features.{index}", stage.Expansion, stage.Channels, block == 0 ? stage.Stride : 1);
        x = ConvRelu6(network, x, $"features.{index}", 1280, kernel: 1);
        return network.Classify(x, "classifier.1", classes);
    }

    private static Value InvertedResidual(NetworkBuilder network, Value x, string name, int expansion, int channels, int stride)
    {
        var inner = NetworkBuilder.Channels(x) * expansion;
        var (branch, index) = (x, 0);
        if (expansion != 1) branch = ConvRelu6(network, branch, $"{name}.conv.{index++}", inner, kernel: 1);
        branch = ConvRelu6(network, branch, $"{name}.conv.{index++}", inner, kernel: 3, stride, groups: inner);
        branch = network.BatchNorm(network.Conv(branch, $"{name}.conv.{index}", channels, kernel: 1), $"{name}.conv.{index + 1}");
        return stride == 1 && NetworkBuilder.Channels(x) == channels ? network.Add(branch, x, $"{name}.add") : branch;
    }

    private static Value ConvRelu6(NetworkBuilder network, Value x, string name, int filters, int kernel, int stride = 1, int groups = 1) =>
        network.Relu6(network.BatchNorm(network.Conv(x, $"{name}.0", filters, kernel, stride, groups), $"{name}.1"), $"{name}.2");
}
