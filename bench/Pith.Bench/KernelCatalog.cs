namespace Pith.Bench;

/// <summary>A kernel that can be timed: its name, the keys that it reads, and how its operands are made.</summary>
internal sealed record KernelEntry(string Name, string Keys, Func<Shape, KernelRun> Create);

/// <summary>All kernels that can be timed, in the order of the help text.</summary>
internal static class KernelCatalog
{
    private const string ConvKeys = "n h w c k r stride pad dilation groups";

    public static IReadOnlyList<KernelEntry> All { get; } =
    [
        new("conv", ConvKeys + " bias residual relu", ConvBenchmarks.Forward),
        new("conv_pack", ConvKeys, ConvBenchmarks.Pack),
        new("conv_dx", ConvKeys, ConvBenchmarks.InputGradient),
        new("conv_dw", ConvKeys, ConvBenchmarks.WeightGradient),
        new("gemm", "m n k", ConvBenchmarks.Gemm),
        new("batchnorm", "pixels c residual relu", StreamBenchmarks.BatchNorm),
        new("batchnorm_dx", "pixels c relu", StreamBenchmarks.BatchNormGradient),
        new("sgd", "count", StreamBenchmarks.Sgd),
    ];

    public static KernelEntry Find(string name) =>
        All.FirstOrDefault(entry => entry.Name == name)
        ?? throw new PithException($"'{name}' is not a kernel; expected one of {string.Join(", ", All.Select(entry => entry.Name))}.");
}
