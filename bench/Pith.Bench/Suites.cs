namespace Pith.Bench;

/// <summary>Named lists of command lines: the layer shapes of the networks that the targets speak of.</summary>
internal static class Suites
{
    public static IReadOnlyList<(string Name, IReadOnlyList<string> Lines)> All { get; } =
    [
        ("resnet20", ResNet20("conv")),
        ("resnet20_dx", ResNet20("conv_dx")),
        ("resnet20_dw", ResNet20("conv_dw")),
        ("mobilenetv2", MobileNetV2()),
        ("mobilenetv2_depthwise", MobileNetV2Depthwise("conv")),
        ("mobilenetv2_depthwise_dx", MobileNetV2Depthwise("conv_dx")),
        ("mobilenetv2_depthwise_dw", MobileNetV2Depthwise("conv_dw")),
        ("resnext101", ResNext()),
        ("resnet50", ResNet50("conv")),
        ("resnet50_dx", ResNet50("conv_dx")),
        ("resnet50_dw", ResNet50("conv_dw")),
    ];

    /// <summary>The command lines behind <c>suite=NAME</c>, each with the remaining arguments; any other command line is itself.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Expand(string[] arguments)
    {
        if (!arguments[0].StartsWith("suite=", StringComparison.Ordinal)) return [arguments];
        var name = arguments[0]["suite=".Length..];
        var lines = All.FirstOrDefault(suite => suite.Name == name).Lines
            ?? throw new PithException($"'{name}' is not a suite; expected one of {string.Join(", ", All.Select(suite => suite.Name))}.");
        return [.. lines.Select(line => (IReadOnlyList<string>)[.. line.Split(' '), .. arguments.Skip(1)])];
    }

    // The distinct convolutions of CIFAR ResNet-20 at batch 128.
    private static string[] ResNet20(string kernel) =>
    [
        $"{kernel} n=128 h=32 w=32 c=3 k=16 r=3 pad=1",
        $"{kernel} n=128 h=32 w=32 c=16 k=16 r=3 pad=1",
        $"{kernel} n=128 h=32 w=32 c=16 k=32 r=3 pad=1 stride=2",
        $"{kernel} n=128 h=16 w=16 c=32 k=32 r=3 pad=1",
        $"{kernel} n=128 h=16 w=16 c=32 k=64 r=3 pad=1 stride=2",
        $"{kernel} n=128 h=8 w=8 c=64 k=64 r=3 pad=1",
        $"{kernel} n=128 h=32 w=32 c=16 k=32 r=1 stride=2",
    ];

    // The distinct dense convolutions of MobileNetV2 at batch 16.
    private static string[] MobileNetV2() =>
    [
        "conv n=16 h=224 w=224 c=3 k=32 r=3 pad=1 stride=2",
        "conv n=16 h=112 w=112 c=32 k=16 r=1",
        "conv n=16 h=112 w=112 c=16 k=96 r=1",
        "conv n=16 h=56 w=56 c=96 k=24 r=1",
        "conv n=16 h=56 w=56 c=24 k=144 r=1",
        "conv n=16 h=56 w=56 c=144 k=24 r=1",
        "conv n=16 h=28 w=28 c=192 k=32 r=1",
        "conv n=16 h=28 w=28 c=32 k=192 r=1",
        "conv n=16 h=14 w=14 c=384 k=64 r=1",
        "conv n=16 h=14 w=14 c=64 k=384 r=1",
        "conv n=16 h=14 w=14 c=576 k=96 r=1",
        "conv n=16 h=14 w=14 c=96 k=576 r=1",
        "conv n=16 h=7 w=7 c=960 k=160 r=1",
        "conv n=16 h=7 w=7 c=160 k=960 r=1",
        "conv n=16 h=7 w=7 c=960 k=320 r=1",
        "conv n=16 h=7 w=7 c=320 k=1280 r=1",
        "gemm m=16 n=1000 k=1280",
    ];

    // The distinct depthwise convolutions of MobileNetV2 at batch 16.
    private static string[] MobileNetV2Depthwise(string kernel) =>
    [
        $"{kernel} n=16 h=112 w=112 c=32 groups=32 r=3 pad=1",
        $"{kernel} n=16 h=112 w=112 c=96 groups=96 r=3 pad=1 stride=2",
        $"{kernel} n=16 h=56 w=56 c=144 groups=144 r=3 pad=1",
        $"{kernel} n=16 h=56 w=56 c=144 groups=144 r=3 pad=1 stride=2",
        $"{kernel} n=16 h=28 w=28 c=192 groups=192 r=3 pad=1",
        $"{kernel} n=16 h=28 w=28 c=192 groups=192 r=3 pad=1 stride=2",
        $"{kernel} n=16 h=14 w=14 c=384 groups=384 r=3 pad=1",
        $"{kernel} n=16 h=14 w=14 c=576 groups=576 r=3 pad=1",
        $"{kernel} n=16 h=14 w=14 c=576 groups=576 r=3 pad=1 stride=2",
        $"{kernel} n=16 h=7 w=7 c=960 groups=960 r=3 pad=1",
    ];

    // The distinct grouped convolutions of ResNeXt-101 32x8d at batch 1.
    private static string[] ResNext() =>
    [
        "conv n=1 h=56 w=56 c=256 groups=32 r=3 pad=1",
        "conv n=1 h=28 w=28 c=512 groups=32 r=3 pad=1",
        "conv n=1 h=14 w=14 c=1024 groups=32 r=3 pad=1",
        "conv n=1 h=7 w=7 c=2048 groups=32 r=3 pad=1",
    ];

    // Typical convolutions of ResNet-50 at batch 1.
    private static string[] ResNet50(string kernel) =>
    [
        $"{kernel} n=1 h=224 w=224 c=3 k=64 r=7 pad=3 stride=2",
        $"{kernel} n=1 h=56 w=56 c=64 k=64 r=3 pad=1",
        $"{kernel} n=1 h=56 w=56 c=64 k=256 r=1",
        $"{kernel} n=1 h=28 w=28 c=128 k=128 r=3 pad=1",
        $"{kernel} n=1 h=28 w=28 c=512 k=128 r=1",
        $"{kernel} n=1 h=14 w=14 c=256 k=256 r=3 pad=1",
        $"{kernel} n=1 h=14 w=14 c=1024 k=256 r=1",
        $"{kernel} n=1 h=14 w=14 c=256 k=1024 r=1",
        $"{kernel} n=1 h=7 w=7 c=512 k=512 r=3 pad=1",
        $"{kernel} n=1 h=7 w=7 c=2048 k=512 r=1",
        $"{kernel} n=1 h=7 w=7 c=512 k=2048 r=1",
    ];
}
