namespace Pith.Models;

/// <summary>
/// Residual networks whose blocks normalise and activate before they convolve (He et al. 2016, "v2"), as Keras has them: the stride is in the last block of
/// a stage, whose identity shortcut is then a 1x1 max-pooling with the stride.
/// </summary>
internal sealed record PreActivationResNet
{
    private const float Epsilon = 1.001e-5f;

    /// <summary>The number of blocks in each of the four stages.</summary>
    public required ValueList<int> Blocks { get; init; }

    /// <summary>The network with fresh parameters.</summary>
    public Graph Build(string name, int resolution, int classes, int seed)
    {
        var network = new NetworkBuilder(name, resolution, seed);
        var x = network.Conv(network.Input, "conv1_conv", 64, kernel: 7, stride: 2, bias: true);
        x = network.MaxPool(x, "pool1_pool", kernel: 3, stride: 2);
        for (var stage = 0; stage < Blocks.Count; stage++)
            for (var block = 0; block < Blocks[stage]; block++)
            {
                var isLast = block == Blocks[stage] - 1;
                x = Block(network, x, $"conv{stage + 2}_block{block + 1}", 64 << stage, stride: isLast && stage < Blocks.Count - 1 ? 2 : 1, widens: block == 0);
            }
        x = network.Relu(network.BatchNorm(x, "post_bn", Epsilon), "post_relu");
        return network.Classify(x, "predictions", classes);
    }

    private static Value Block(NetworkBuilder network, Value x, string name, int width, int stride, bool widens)
    {
        var activated = network.Relu(network.BatchNorm(x, $"{name}_preact_bn", Epsilon), $"{name}_preact_relu");
        var shortcut = widens ? network.Conv(activated, $"{name}_0_conv", 4 * width, kernel: 1, stride, bias: true)
            : stride > 1 ? network.MaxPool(x, $"{name}_0_pool", kernel: 1, stride)
            : x;
        var branch = network.Conv(activated, $"{name}_1_conv", width, kernel: 1);
        branch = network.Relu(network.BatchNorm(branch, $"{name}_1_bn", Epsilon), $"{name}_1_relu");
        branch = network.Conv(branch, $"{name}_2_conv", width, kernel: 3, stride);
        branch = network.Relu(network.BatchNorm(branch, $"{name}_2_bn", Epsilon), $"{name}_2_relu");
        branch = network.Conv(branch, $"{name}_3_conv", 4 * width, kernel: 1, bias: true);
        return network.Add(branch, shortcut, $"{name}_add");
    }
}
