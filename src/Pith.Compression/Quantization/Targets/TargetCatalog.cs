namespace Pith.Compression.Quantization;

/// <summary>All targets. A new one is a file beside these, with its placement, and a line in <see cref="All"/>: command line, recipes, help and tests follow.</summary>
public static class TargetCatalog
{
    /// <summary>Every target, in the order in which help lists them; the first is the default.</summary>
    public static ValueList<QuantizationTarget> All { get; } =
    [
        TensorRtTarget.Target,
        OnnxRuntimeTarget.Target,
        OpenVinoTarget.Target,
        PithTarget.Target,
    ];

    /// <summary>The target of options that name none.</summary>
    public static QuantizationTarget Default => All[0];

    /// <summary>The target called <paramref name="name"/>.</summary>
    /// <exception cref="PithException">No target has that name.</exception>
    public static QuantizationTarget Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.FirstOrDefault(target => target.Name == name) ?? throw new PithException($"There is no target '{name}'. Choose one of: {string.Join(", ", All.Select(target => target.Name))}.");
    }
}
