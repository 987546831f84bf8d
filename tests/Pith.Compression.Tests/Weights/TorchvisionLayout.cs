namespace Pith.Compression.Tests.Weights;

/// <summary>Names and shapes of torchvision's state dicts, written down from its sources and independently of Pith's networks.</summary>
internal static class TorchvisionLayout
{
    private static readonly (int Expansion, int Channels, int Blocks, int Stride)[] s_mobileNet = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
    private static readonly (int Expansion, int Kernel, int Channels, int Blocks)[] s_efficientNet = [(1, 3, 16, 1), (6, 3, 24, 2), (6, 5, 40, 2), (6, 3, 80, 3), (6, 5, 112, 3), (6, 5, 192, 4), (6, 3, 320, 1)];

    public static IEnumerable<(string Name, Shape Shape)> Of(string network) => network switch
    {
        "resnet18" => ResNet([2, 2, 2, 2], bottleneck: false),
        "resnet34" => ResNet([3, 4, 6, 3], bottleneck: false),
        "resnet50" => ResNet([3, 4, 6, 3], bottleneck: true),
        "resnet101" => ResNet([3, 4, 23, 3], bottleneck: true),
        "resnext101-32x8d" => ResNet([3, 4, 23, 3], bottleneck: true, groups: 32, groupWidth: 8),
        "mobilenetv2" => MobileNetV2(),
        "efficientnet-b0" => EfficientNet([32, 16, 24, 40, 80, 112, 192, 320], [1, 2, 2, 3, 3, 4, 1]),
        "efficientnet-b1" => EfficientNet([32, 16, 24, 40, 80, 112, 192, 320], [2, 3, 3, 4, 4, 5, 2]),
        "efficientnet-b2" => EfficientNet([32, 16, 24, 48, 88, 120, 208, 352], [2, 3, 3, 4, 4, 5, 2]),
        "efficientnet-b3" => EfficientNet([40, 24, 32, 48, 96, 136, 232, 384], [2, 3, 3, 5, 5, 6, 2]),
        _ => throw new ArgumentOutOfRangeException(nameof(network)),
    };

    /// <summary>The layout with seeded numbers: weights around 0, factors around 1, positive variances, and a counter for each batch normalization.</summary>
    public static List<KeyValuePair<string, Tensor>> Random(string network, int seed)
    {
        var random = new Random(seed);
        var tensors = new List<KeyValuePair<string, Tensor>>();
        foreach (var (name, shape) in Of(network))
        {
            var (low, high) = name.EndsWith("running_var", StringComparison.Ordinal) ? (0.5f, 1.5f) : name.Contains("bn", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal) ? (0.8f, 1.2f) : (-0.05f, 0.05f);
            var values = new float[shape.Length];
            foreach (ref var value in values.AsSpan()) value = low + (high - low) * random.NextSingle();
            tensors.Add(new(name, Tensor.Create(shape, values)));
            if (name.EndsWith("running_var", StringComparison.Ordinal)) tensors.Add(new(name.Replace("running_var", "num_batches_tracked", StringComparison.Ordinal), Tensor.Scalar(1234L)));
        }
        return tensors;
    }

    private static IEnumerable<(string, Shape)> ResNet(int[] blocks, bool bottleneck, int groups = 1, int groupWidth = 64)
    {
        List<(string, Shape)> all = [("conv1.weight", new Shape(64, 3, 7, 7)), .. BatchNorm("bn1", 64)];
        var (channels, expansion) = (64, bottleneck ? 4 : 1);
        for (var stage = 0; stage < 4; stage++)
            for (var block = 0; block < blocks[stage]; block++)
            {
                var (planes, name) = (64 << stage, $"layer{stage + 1}.{block}");
                var width = planes * groupWidth / 64 * groups;
                (int Out, int In, int Kernel)[] convolutions = bottleneck ? [(width, channels, 1), (width, width / groups, 3), (4 * planes, width, 1)] : [(planes, channels, 3), (planes, planes, 3)];
                for (var i = 0; i < convolutions.Length; i++)
                    all.AddRange([($"{name}.conv{i + 1}.weight", new Shape(convolutions[i].Out, convolutions[i].In, convolutions[i].Kernel, convolutions[i].Kernel)), .. BatchNorm($"{name}.bn{i + 1}", convolutions[i].Out)]);
                if (block == 0 && (stage > 0 || bottleneck)) all.AddRange([($"{name}.downsample.0.weight", new Shape(expansion * planes, channels, 1, 1)), .. BatchNorm($"{name}.downsample.1", expansion * planes)]);
                channels = expansion * planes;
            }
        return [.. all, ("fc.weight", new Shape(1000, channels)), ("fc.bias", new Shape(1000))];
    }

    private static IEnumerable<(string, Shape)> MobileNetV2()
    {
        var all = new List<(string, Shape)>();
        all.AddRange(Pair("features.0", 32, 3, 3));
        var (channels, index) = (32, 1);
        foreach (var (expansion, wide, blocks, _) in s_mobileNet)
            for (var block = 0; block < blocks; block++, index++)
            {
                var (name, inner, at) = ($"features.{index}.conv", channels * expansion, 0);
                if (expansion > 1) all.AddRange(Pair($"{name}.{at++}", inner, channels, 1));
                all.AddRange(Pair($"{name}.{at++}", inner, 1, 3));
                all.AddRange([($"{name}.{at}.weight", new Shape(wide, inner, 1, 1)), .. BatchNorm($"{name}.{at + 1}", wide)]);
                channels = wide;
            }
        return [.. all, .. Pair("features.18", 1280, 320, 1), ("classifier.1.weight", new Shape(1000, 1280)), ("classifier.1.bias", new Shape(1000))];
    }

    private static IEnumerable<(string, Shape)> EfficientNet(int[] channels, int[] blocks)
    {
        var all = new List<(string, Shape)>();
        all.AddRange(Pair("features.0", channels[0], 3, 3));
        var input = channels[0];
        for (var stage = 0; stage < 7; stage++)
            for (var block = 0; block < blocks[stage]; block++)
            {
                var (expansion, kernel, _, _) = s_efficientNet[stage];
                var (name, inner, squeezed, at) = ($"features.{stage + 1}.{block}.block", input * expansion, input / 4, 0);
                if (expansion > 1) all.AddRange(Pair($"{name}.{at++}", inner, input, 1));
                all.AddRange(Pair($"{name}.{at++}", inner, 1, kernel));
                all.AddRange([($"{name}.{at}.fc1.weight", new Shape(squeezed, inner, 1, 1)), ($"{name}.{at}.fc1.bias", new Shape(squeezed)), ($"{name}.{at}.fc2.weight", new Shape(inner, squeezed, 1, 1)), ($"{name}.{at}.fc2.bias", new Shape(inner))]);
                all.AddRange(Pair($"{name}.{at + 1}", channels[stage + 1], inner, 1));
                input = channels[stage + 1];
            }
        return [.. all, .. Pair("features.8", 4 * input, input, 1), ("classifier.1.weight", new Shape(1000, 4 * input)), ("classifier.1.bias", new Shape(1000))];
    }

    // torchvision's ConvNormActivation: 0 is the convolution, 1 the batch normalization.
    private static IEnumerable<(string, Shape)> Pair(string name, int output, int input, int kernel) => [($"{name}.0.weight", new Shape(output, input, kernel, kernel)), .. BatchNorm($"{name}.1", output)];

    private static IEnumerable<(string, Shape)> BatchNorm(string name, int channels) => new[] { "weight", "bias", "running_mean", "running_var" }.Select(part => ($"{name}.{part}", new Shape(channels)));
}
