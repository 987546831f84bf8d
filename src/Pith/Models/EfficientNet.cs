namespace Pith.Models;

/// <summary>EfficientNet (Tan and Le 2019) as torchvision has it: inverted residuals with squeeze-and-excitation and SiLU, scaled in width and depth together; or a small one for CIFAR's images.</summary>
/// <param name="WidthFactor">What the channels of B0 are multiplied by.</param>
/// <param name="DepthFactor">What the numbers of blocks of B0 are multiplied by.</param>
internal sealed record EfficientNet(double WidthFactor, double DepthFactor)
{
    // Expansion, kernel, stride of the first block, channels and blocks, per stage (table 1 of the paper).
    private static readonly (int Expansion, int Kernel, int Stride, int Channels, int Blocks)[] s_stages =
    [
        (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
    ];

    // The same kinds of blocks for 32 x 32 pixels: three of the strides are left, and half of the stages.
    private static readonly (int Expansion, int Kernel, int Stride, int Channels, int Blocks)[] s_smallStages = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 1, 80, 1)];

    /// <summary>Whether this is the network for CIFAR: a stem of stride 1 and half of the stages.</summary>
    public bool IsSmall { get; init; }

    private (int Expansion, int Kernel, int Stride, int Channels, int Blocks)[] Stages => IsSmall ? s_smallStages : s_stages;

    /// <summary>The network with fresh parameters.</summary>
    public Graph Build(string name, int resolution, int classes, int seed)
    {
        var network = new NetworkBuilder(name, resolution, seed);
        var x = ConvSilu(network, network.Input, "features.0", Widened(32), kernel: 3, stride: IsSmall ? 1 : 2);
        for (var stage = 0; stage < Stages.Length; stage++)
        {
            var (expansion, kernel, stride, channels, blocks) = Stages[stage];
            for (var block = 0; block < (int)Math.Ceiling(blocks * DepthFactor); block++)
                x = InvertedResidual(network, x, $"features.{stage + 1}.{block}", expansion, kernel, block == 0 ? stride : 1, Widened(channels));
        }
        x = ConvSilu(network, x, $"features.{Stages.Length + 1}", 4 * Widened(Stages[^1].Channels), kernel: 1);
        return network.Classify(x, "classifier.1", classes);
    }

    private static Value InvertedResidual(NetworkBuilder network, Value x, string name, int expansion, int kernel, int stride, int channels)
    {
        var inner = NetworkBuilder.Channels(x) * expansion;
        var (branch, index) = (x, 0);
        if (expansion != 1) branch = ConvSilu(network, branch, $"{name}.block.{index++}", inner, kernel: 1);
        branch = ConvSilu(network, branch, $"{name}.block.{index++}", inner, kernel, stride, groups: inner);
        branch = SqueezeExcite(network, branch, $"{name}.block.{index++}", squeezed: Math.Max(1, NetworkBuilder.Channels(x) / 4));
        branch = network.BatchNorm(network.Conv(branch, $"{name}.block.{index}.0", channels, kernel: 1), $"{name}.block.{index}.1");
        return stride == 1 && NetworkBuilder.Channels(x) == channels ? network.Add(branch, x, $"{name}.add") : branch;
    }

    // Scales each channel by a number in (0, 1) computed from the means of all (Hu et al. 2018).
    private static Value SqueezeExcite(NetworkBuilder network, Value x, string name, int squeezed)
    {
        var scale = network.GlobalAveragePool(x, $"{name}.avgpool");
        scale = network.Silu(network.Conv(scale, $"{name}.fc1", squeezed, kernel: 1, bias: true), $"{name}.activation");
        scale = network.Sigmoid(network.Conv(scale, $"{name}.fc2", NetworkBuilder.Channels(x), kernel: 1, bias: true), $"{name}.scale_activation");
        return network.Mul(x, scale, $"{name}.mul");
    }

    private static Value ConvSilu(NetworkBuilder network, Value x, string name, int filters, int kernel, int stride = 1, int groups = 1) =>
        network.Silu(network.BatchNorm(network.Conv(x, $"{name}.0", filters, kernel, stride, groups), $"{name}.1"), $"{name}.2");

    // To the nearest multiple of 8, but never more than 10% down.
    private int Widened(int channels)
    {
        var wanted = channels * WidthFactor;
        var rounded = Math.Max(8, (int)(wanted + 4) / 8 * 8);
        return rounded < 0.9 * wanted ? rounded + 8 : rounded;
    }
}
