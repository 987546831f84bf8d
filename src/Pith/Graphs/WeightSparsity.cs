using Pith.Ops;

namespace Pith;

/// <summary>The zeros of a layer's weight as it computes with them, rounded where the graph rounds: how many there are, and the 2:4 or V:2:4 pattern that they make. Computed once from a <see cref="WeightOperand"/>.</summary>
public sealed record WeightSparsity
{
    private WeightSparsity() { }

    /// <summary>The number of weights.</summary>
    public required long Weights { get; init; }

    /// <summary>How many of them are zero.</summary>
    public required long Zeros { get; init; }

    /// <summary>Whether a pattern can apply: the reduction axis is a multiple of 4 long, and its elements have a common distance.</summary>
    public required bool Applies { get; init; }

    /// <summary>The strictest pattern that the weight has; null when it is not 2:4 sparse.</summary>
    public required SparsityPattern? Pattern { get; init; }

    /// <summary>Where the weight breaks 2:4, for people; null when it holds or does not apply.</summary>
    public required string? FirstViolation { get; init; }

    /// <summary>Where the weight breaks the next stricter pattern that could hold, for people; null when there is none, or when it is not 2:4 sparse.</summary>
    public required string? WhyNotStricter { get; init; }

    /// <summary>Reads every weight of <paramref name="operand"/> once.</summary>
    public static WeightSparsity Of(WeightOperand operand)
    {
        ArgumentNullException.ThrowIfNull(operand);
        var effective = operand.Effective();
        ReadOnlySpan<double> weights = Reals.Of(effective ?? operand.Constant.Constant!);
        var layout = effective is not null ? operand.OperandLayout : operand.StoredLayout ?? (operand.Layout is { } stored ? new WeightAxes(stored) : null);
        var applies = operand.Reduction % 4 == 0 && layout is not null;
        var pattern = applies ? SparsityPattern.Of(weights, layout!.Value) : null;
        return new WeightSparsity
        {
            Weights = weights.Length,
            Zeros = weights.Count(0.0),
            Applies = applies,
            Pattern = pattern,
            FirstViolation = applies && pattern is null ? Violation(weights, layout!.Value.Reduction, (effective ?? operand.Constant.Constant!).Shape) : null,
            WhyNotStricter = pattern is not null && Next(pattern, layout!.Value) is { } next ? next.FirstViolation(weights, layout.Value) is { } why ? $"not {next}: {why}" : null : null,
        };
    }

    // The indices of the tensor say more than those of its layout.
    private static string? Violation(ReadOnlySpan<double> weights, ReductionLayout layout, Shape shape)
    {
        if (layout.FirstViolation(weights) is not { } found) return null;
        var at = (found.Outer * layout.Reduction + found.Reduction) * layout.Inner + found.Inner;
        var indices = new string[shape.Rank];
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            var distance = shape.LengthOf(axis + 1, shape.Rank);
            var index = at / distance % shape[axis];
            // The reduction axis of the layout is one axis of the tensor, or several that are summed over together.
            indices[axis] = distance == layout.Inner && shape[axis] > 1 ? $"{index}..{index + 3}" : $"{index}";
        }
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{found.NonZeros} of 4 are not zero at [{string.Join(", ", indices)}]");
    }

    private static SparsityPattern? Next(SparsityPattern pattern, WeightAxes layout) =>
        SparsityPattern.All.SkipWhile(other => other != pattern).Skip(1).FirstOrDefault() is { } next && pattern.Channels < layout.OutputsPerGroup ? next : null;
}
