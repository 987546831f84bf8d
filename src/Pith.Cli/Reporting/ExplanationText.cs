using System.Globalization;

namespace Pith.Cli.Reporting;

/// <summary>How an <see cref="EngineExplanation"/> is put into words, the same in the terminal and in the report.</summary>
internal static class ExplanationText
{
    /// <summary>The forms of weights that kernels of some layer were timed with, dense first.</summary>
    public static IReadOnlyList<string> Forms(EngineExplanation explanation) =>
        [.. SparsityPattern.All.Select(pattern => pattern.ToString()).Prepend(TacticVerdict.Dense).Where(form => form == TacticVerdict.Dense || explanation.Layers.Any(layer => layer.Kernels.Any(kernel => kernel.WeightForm == form && kernel.Microseconds is not null)))];

    /// <summary>What is summed over: <c>64 of axis 1</c>.</summary>
    public static string Axis(ExplainedLayer layer) => $"{layer.InputChannels} of axis {layer.ReductionAxis}{(layer.Groups > 1 ? $", {layer.Groups} groups" : "")}";

    /// <summary>The pattern, or why there is none.</summary>
    public static string Pattern(ExplainedLayer layer) => layer.Pattern ?? (layer.WhyNotEligible is { } unfit ? $"cannot be: {unfit}" : $"dense: {layer.FirstViolation}");

    /// <summary>Microseconds of the fastest kernel of a form; empty when none was timed.</summary>
    public static string Time(ExplainedLayer layer, string form) =>
        (form == TacticVerdict.Dense ? layer.DenseMicroseconds : layer.Kernels.FirstOrDefault(kernel => kernel.WeightForm == form)?.Microseconds) is { } time ? time.ToString("0.0", CultureInfo.InvariantCulture) : "";

    /// <summary>The form of weights that runs, and why.</summary>
    public static string Choice(ExplainedLayer layer)
    {
        if (layer.WeightForm != TacticVerdict.Dense) return layer.Speedup is { } speedup ? Text($"{layer.WeightForm} ({speedup:0.00}x)") : $"{layer.WeightForm}: {layer.Reason}";
        if (layer.Pattern is null) return TacticVerdict.Dense;
        var sparse = layer.Kernels.Where(kernel => kernel.WeightForm != TacticVerdict.Dense).ToArray();
        if (sparse.Any(kernel => kernel.Microseconds is not null)) return "dense: sparse kernels were slower";
        if (sparse.FirstOrDefault(kernel => kernel.Tactic is not null) is { } untimed) return $"dense: sparse kernels were {untimed.WhyNot}";
        return sparse.Length > 0 ? $"dense: no sparse kernel ({string.Join("; ", sparse.Select(kernel => kernel.WhyNot).Distinct())})" : "dense: no sparse kernel";
    }

    /// <summary>How many layers are what.</summary>
    public static string Counts(EngineExplanation explanation)
    {
        var weighted = explanation.Layers.Count(layer => layer.IsEligible is not null);
        return $"{explanation.EligibleLayers} of {weighted} layers with weights could be 2:4 sparse, {explanation.SparseLayers} are, {explanation.LayersWithSparseKernels} run a sparse kernel";
    }

    /// <summary>The network's time as it is and with dense kernels.</summary>
    public static string Total(EngineExplanation explanation)
    {
        var (chosen, dense) = (explanation.Microseconds / 1e3, explanation.DenseMicroseconds / 1e3);
        var where = $"batch {explanation.Batch}, {explanation.Threads} threads";
        if (!explanation.IsTimed) return Text($"{chosen:0.000} ms ({where}). Kernels were not compared by timing: each layer has only one, or the plan was built without timing or for another kind of machine.");
        return explanation.LayersWithSparseKernels == 0
            ? Text($"{chosen:0.000} ms ({where}), all dense.")
            : Text($"{chosen:0.000} ms as chosen, {dense:0.000} ms if all layers ran dense: {explanation.Speedup:0.00} times as fast ({where}).");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
