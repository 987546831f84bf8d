using System.Globalization;

namespace Pith.Compression.Sparsity;

/// <summary>Whether a layer can be pruned to 2:4, by both rules; the reasons are for people and null when the rule is met.</summary>
/// <param name="WhyNotPattern">Why <see cref="SparsityRule.Pattern"/> refuses the layer.</param>
/// <param name="WhyNotAsp">Why <see cref="SparsityRule.Asp"/> refuses the layer; never null when <paramref name="WhyNotPattern"/> is not.</param>
public sealed record SparsityEligibility(string? WhyNotPattern, string? WhyNotAsp)
{
    /// <summary>Judges a weight by its sizes.</summary>
    /// <param name="outputs">Output channels: dimension 0 of Conv weights.</param>
    /// <param name="reduction">The length of the axis that is summed over: input channels per group.</param>
    /// <param name="groups">Convolution groups; 1 for matrix products.</param>
    public static SparsityEligibility Of(int outputs, int reduction, int groups)
    {
        if (reduction == 1 && groups > 1) return Neither("depthwise: one input channel per group");
        if (reduction < 4)
            return Neither(groups > 1 ? Text($"grouped: {reduction} input channels per group, fewer than 4") : Text($"{reduction} input channels, fewer than 4 (usually the first layer)"));
        if (reduction % 4 != 0) return Neither(Text($"{reduction} input channels{PerGroup(groups)}, not a multiple of 4"));
        if (reduction % 16 != 0) return new(null, Text($"{reduction} input channels{PerGroup(groups)}, not a multiple of 16"));
        if (outputs % 8 != 0) return new(null, Text($"{outputs} output channels, not a multiple of 8"));
        return new(null, null);
    }

    /// <summary>A layer that no rule takes, for the same reason.</summary>
    public static SparsityEligibility Neither(string reason) => new(reason, reason);

    /// <summary>Why <paramref name="rule"/> refuses the layer; null when it takes it.</summary>
    public string? WhyNot(SparsityRule rule) => rule == SparsityRule.Asp ? WhyNotAsp : WhyNotPattern;

    private static string PerGroup(int groups) => groups > 1 ? " per group" : "";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
