using System.Text.Json.Serialization;
using Pith.Benchmarking;

namespace Pith.Compression.Sparsity;

/// <summary>The kernels of one form of weights on one layer.</summary>
/// <param name="WeightForm"><c>dense</c>, <c>2:4</c>, <c>16:2:4</c> …</param>
/// <param name="Tactic">The fastest that was timed; null when none was.</param>
/// <param name="Microseconds">Its time, measured alone when the engine was built; null when none was timed.</param>
/// <param name="WhyNot">Why none was timed; null when one was.</param>
public sealed record KernelsOfForm(string WeightForm, string? Tactic, double? Microseconds, string? WhyNot);

/// <summary>One layer of an <see cref="EngineExplanation"/>.</summary>
public sealed record ExplainedLayer
{
    /// <summary>The layer's name: that of the node that gave it its kind.</summary>
    public required string Name { get; init; }

    /// <summary>What the layer is: shapes, types, epilogue.</summary>
    public required string Spec { get; init; }

    /// <summary>The type that it computes on.</summary>
    public required string Precision { get; init; }

    /// <summary>The weight's sizes; null for layers without one.</summary>
    public int[]? WeightShape { get; init; }

    /// <summary>The axis of <see cref="WeightShape"/> that is summed over.</summary>
    public int? ReductionAxis { get; init; }

    /// <summary>Channels that are summed over for one output: those of one group.</summary>
    public int? InputChannels { get; init; }

    /// <summary>Output channels.</summary>
    public int? OutputChannels { get; init; }

    /// <summary>Convolution groups; 1 for matrix products.</summary>
    public int? Groups { get; init; }

    /// <summary>Whether the weight could hold 2:4 by its sizes; null for layers without a weight.</summary>
    public bool? IsEligible { get; init; }

    /// <summary>Why it could not; null when it could, and for layers without a weight.</summary>
    public string? WhyNotEligible { get; init; }

    /// <summary>The strictest pattern that the weight has; null when it is dense.</summary>
    public string? Pattern { get; init; }

    /// <summary>Where an eligible weight breaks 2:4; null when it does not.</summary>
    public string? FirstViolation { get; init; }

    /// <summary>Where a sparse weight breaks the next stricter pattern; null when there is none.</summary>
    public string? WhyNotStricter { get; init; }

    /// <summary>The share of weights that are zero, 0 to 1; null for layers without a weight.</summary>
    public double? ZeroShare { get; init; }

    /// <summary>Every form of weights that kernels of this layer have, dense ones first.</summary>
    public required IReadOnlyList<KernelsOfForm> Kernels { get; init; }

    /// <summary>The tactic that runs.</summary>
    public required string Tactic { get; init; }

    /// <summary>The form of the weights that it reads.</summary>
    public required string WeightForm { get; init; }

    /// <summary>Why it was chosen.</summary>
    public required string Reason { get; init; }

    /// <summary>Median microseconds in the network, from a profile.</summary>
    public required double Microseconds { get; init; }

    /// <summary>The layer's share of the network's time, 0 to 1.</summary>
    public required double TimeShare { get; init; }

    /// <summary>The fastest dense kernel's microseconds, measured alone; where there was no other kernel to compare it with, those in the network. Null when it is not known, and for layers without a weight.</summary>
    public double? DenseMicroseconds => Timed(TacticVerdict.Dense) ?? (WeightForm == TacticVerdict.Dense && IsEligible is not null ? Microseconds : null);

    /// <summary>How many times as fast as the fastest dense kernel the chosen one was, both measured alone; null where one of the two was not timed.</summary>
    public double? Speedup => WeightForm == TacticVerdict.Dense ? null : Timed(TacticVerdict.Dense) / Timed(WeightForm);

    /// <summary>Microseconds in the network if it ran its fastest dense kernel.</summary>
    [JsonIgnore]
    public double IfDenseMicroseconds => Microseconds * (Speedup ?? 1);

    private double? Timed(string form) => Kernels.FirstOrDefault(kernel => kernel.WeightForm == form)?.Microseconds;

    internal static ExplainedLayer Of(LayerInfo layer, WeightOperand? weight, LayerResult profile)
    {
        var chosen = layer.Verdicts.First(verdict => verdict.Tactic == layer.Tactic);
        var sparsity = weight is null ? null : WeightSparsity.Of(weight);
        var whyNot = weight is null ? null : WhyNot(weight, sparsity!);
        return new ExplainedLayer
        {
            Name = layer.Name,
            Spec = layer.Spec.ToString(),
            Precision = layer.Precision,
            WeightShape = weight is null ? null : [.. weight.Shape.Dims],
            ReductionAxis = weight?.ReductionAxis,
            InputChannels = weight?.Reduction,
            OutputChannels = weight?.Outputs,
            Groups = weight?.Groups,
            IsEligible = weight is null ? null : whyNot is null,
            WhyNotEligible = whyNot,
            Pattern = sparsity?.Pattern?.ToString(),
            FirstViolation = sparsity?.FirstViolation,
            WhyNotStricter = sparsity?.WhyNotStricter,
            ZeroShare = sparsity is { Weights: > 0 } ? (double)sparsity.Zeros / sparsity.Weights : null,
            Kernels = weight is null ? [] : [.. layer.Verdicts.GroupBy(verdict => verdict.WeightForm).OrderBy(Order).Select(KernelsOf)],
            Tactic = layer.Tactic,
            WeightForm = chosen.WeightForm,
            Reason = chosen.Reason,
            Microseconds = profile.Microseconds,
            TimeShare = profile.TimeShare,
        };
    }

    private static string? WhyNot(WeightOperand weight, WeightSparsity sparsity) =>
        SparsityEligibility.Of(weight.Outputs, weight.Reduction, weight.Groups).WhyNotPattern ?? (sparsity.Applies ? null : $"a Transpose between '{weight.Constant.Name}' and the layer takes the input channels apart");

    // Dense, then from the freest pattern to the strictest.
    private static int Order(IGrouping<string, TacticVerdict> form)
    {
        for (var i = 0; i < SparsityPattern.All.Count; i++)
            if (SparsityPattern.All[i].ToString() == form.Key) return i + 1;
        return form.Key == TacticVerdict.Dense ? 0 : SparsityPattern.All.Count + 1;
    }

    private static KernelsOfForm KernelsOf(IGrouping<string, TacticVerdict> form)
    {
        if (form.Where(verdict => verdict.Seconds is not null).MinBy(verdict => verdict.Seconds) is { } fastest) return new KernelsOfForm(form.Key, fastest.Tactic, 1e6 * fastest.Seconds, null);
        // Of those that could run, why none was timed; else why none could.
        var accepted = form.Where(verdict => verdict.Accepted).ToArray();
        return new KernelsOfForm(form.Key, accepted.FirstOrDefault()?.Tactic, null, accepted.Length > 0 ? accepted[0].Reason : string.Join("; ", form.Select(verdict => verdict.Reason).Distinct()));
    }
}
