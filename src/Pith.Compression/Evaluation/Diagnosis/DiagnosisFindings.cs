using System.Globalization;

namespace Pith.Compression.Evaluation;

/// <summary>Says in plain language what a diagnosis measured, and what to try next.</summary>
internal sealed class DiagnosisFindings(Diagnosis diagnosis, NetworkTraces traces)
{
    private const double CloseDecibels = 25, LooseDecibels = 15;

    // Below this the float form counts as the float model: biases are rounded, and sums are made in another order.
    private const double SameNetworkError = 1e-5;

    private const int ListedForEachRule = 3;

    /// <summary>The findings, the most important first.</summary>
    public IEnumerable<DiagnosisFinding> All() =>
    [
        Outputs(),
        .. diagnosis.HasFloatModel ? [] : FloatForm(), // it is about all that follows
        .. Layers(),
        .. Parts(),
        .. Weights(),
        .. Ranges(),
        .. Channels(),
        .. diagnosis.HasFloatModel ? FloatForm() : [],
        Engine(),
    ];

    private DiagnosisFinding Outputs()
    {
        var decibels = Diagnosis.Decibels(diagnosis.Error);
        var agreement = diagnosis.Agreements is { } same ? $"; {same} of {diagnosis.Images} images get the same class" : "";
        var how = decibels >= CloseDecibels ? "follows the float network closely" : decibels >= LooseDecibels ? "follows the float network with a visible error" : "is far from the float network";
        return new(decibels >= LooseDecibels ? FindingSeverity.Info : FindingSeverity.Warning, "outputs", $"INT8 {how}: outputs at {Text(decibels)}{agreement}.");
    }

    private IEnumerable<DiagnosisFinding> Layers()
    {
        var measured = diagnosis.Layers.Count(layer => layer.Gain is not null);
        if (!diagnosis.IsComplete) yield return new(FindingSeverity.Info, "layers", $"Stopped: {measured} of {diagnosis.Layers.Count} layers were measured; the others may cost more.", "Run it to the end, perhaps with fewer --samples.");
        if (diagnosis.Error == 0 || diagnosis.FloatLayers.Count == 0) yield break;
        // The fewest layers that at least halve the error; with many in float little would be left of INT8.
        var few = diagnosis.FloatLayers.Where(trial => trial.Layers.Count <= Math.Max(1, diagnosis.Layers.Count / 10)).ToArray();
        if (few.Length == 0) yield break;
        var best = few.FirstOrDefault(trial => trial.Error <= diagnosis.Error / 2) ?? few.MinBy(trial => trial.Error)!;
        var share = 1 - best.Error / diagnosis.Error;
        var names = best.Layers.Take(ListedForEachRule).Select(name => $"'{name}'");
        var list = string.Join(", ", names) + (best.Layers.Count > ListedForEachRule ? " …" : "");
        var now = $"with {(best.Layers.Count == 1 ? "it" : "them")} in float the outputs are at {Text(Diagnosis.Decibels(best.Error))} instead of {Text(Diagnosis.Decibels(diagnosis.Error))}";
        yield return share >= 0.5
            ? new(FindingSeverity.Warning, "layers", $"{Count(best.Layers.Count, "layer costs", "layers cost")} {Percent(share)} of the error ({list}): {now}.", $"Keep {(best.Layers.Count == 1 ? "it" : "them")} in float: pith quantize … {string.Join(" ", best.Layers.Select(name => $"--keep-float {Quoted(name)}"))}")
            : new(FindingSeverity.Info, "layers", $"The error is spread over the network: {(best.Layers.Count == 1 ? "the costliest layer is" : $"the {best.Layers.Count} costliest layers together are")} {Percent(Math.Max(0, share))} of it ({list}); {now}.", "Keeping layers in float will not help much. Choose another calibrator (--calibrator mse or percentile), or train through the rounding with pith qat.");
    }

    private IEnumerable<DiagnosisFinding> Parts()
    {
        if (!diagnosis.HasFloatModel || diagnosis.MatchedLayers == 0 || diagnosis.Error == 0) yield break;
        var (weights, activations) = (diagnosis.ErrorOfWeights, diagnosis.ErrorOfActivations);
        var measured = $"rounding only weights leaves {Text(Diagnosis.Decibels(weights))}, rounding only activations {Text(Diagnosis.Decibels(activations))}";
        const double Dominates = 3;
        if (weights > Dominates * activations)
            yield return new(FindingSeverity.Info, "parts", $"Most of the error comes from the weights: {measured}.", diagnosis.Layers.Any(layer => layer.Weight is { OneScale: true }) ? "Quantize weights per output channel: leave out --per-tensor-weights." : HasShortScales ? "Keep full-precision scales (--exact-scales), or train through the rounding with pith qat." : "Train through the rounding with pith qat.");
        else if (activations > Dominates * weights)
            yield return new(FindingSeverity.Info, "parts", $"Most of the error comes from the activations: {measured}.", "Choose their ranges otherwise (--calibrator mse or percentile:99.99, --activations symmetric where the target allows it).");
        else
            yield return new(FindingSeverity.Info, "parts", $"Weights and activations share the error: {measured}.");
    }

    private bool HasShortScales => diagnosis.Tensors.All(tensor => tensor.Scale is { } scale && ShortScale.IsShort(scale));

    private IEnumerable<DiagnosisFinding> Weights()
    {
        var shared = diagnosis.Layers.Where(layer => layer.Weight is { OneScale: true, FewLevels: > 0 }).OrderByDescending(layer => layer.Weight!.FewLevels).ToArray();
        if (shared.Length == 0) yield break;
        var worst = shared[0];
        yield return new(FindingSeverity.Warning, "weights", $"{Count(shared.Length, "weight has", "weights have")} one scale for all output channels and channels that use fewer than {ChannelUse.FewLevelsBelow:0} of its 127 levels; the worst is '{worst.Name}': {worst.Weight!.FewLevels} of {worst.Weight.Channels} channels.", "Quantize weights per output channel: leave out --per-tensor-weights.");
    }

    private IEnumerable<DiagnosisFinding> Ranges()
    {
        var findings = traces.Histograms.Where(entry => entry.Pair.Scale is not null).SelectMany(entry =>
            CalibrationLint.CheckRange(entry.Values, LongerSide(entry.Pair)));
        foreach (var rule in findings.GroupBy(finding => finding.Rule))
        {
            var more = rule.Count() - ListedForEachRule;
            var listed = rule.Take(ListedForEachRule).ToArray();
            for (var i = 0; i < listed.Length; i++)
                yield return new(listed[i].Severity, listed[i].Rule, listed[i].Message + (i == listed.Length - 1 && more > 0 ? $" ({more} more tensors likewise.)" : ""));
        }
    }

    // The end of the range, and a step: within that clipping costs no more than rounding does. Symmetric int8 has one step more on the negative side, which does not count.
    private static double LongerSide(ActivationPair pair) => Math.BitIncrement((Math.Max(pair.High - pair.ZeroPoint, pair.ZeroPoint - pair.Low - 1) + 1) * (double)pair.Scale!.Value);

    private IEnumerable<DiagnosisFinding> Channels()
    {
        const double ManyChannels = 0.25;
        var coarse = diagnosis.Tensors.Where(tensor => tensor.Channels is { Count: > 1 } use && use.FewLevels >= ManyChannels * use.Count).OrderByDescending(tensor => (double)tensor.Channels!.FewLevels / tensor.Channels.Count).ToArray();
        if (coarse.Length > 0)
        {
            var worst = coarse[0];
            yield return new(FindingSeverity.Info, "channels", $"{Count(coarse.Length, "activation has", "activations have")} channels of very different size: at least a quarter of them use fewer than {ChannelUse.FewLevelsBelow:0} of 127 levels; the worst is '{worst.Name}': {worst.Channels!.FewLevels} of {worst.Channels.Count}, the narrowest (channel {worst.Channels.Narrowest[0].Channel}) {Number(worst.Channels.Narrowest[0].Levels)} levels.");
        }
        var dead = diagnosis.Tensors.Where(tensor => tensor.Channels is { Dead: > 0 }).OrderByDescending(tensor => tensor.Channels!.Dead).ToArray();
        if (dead.Length > 0) yield return new(FindingSeverity.Info, "dead_channels", $"{Count(dead.Length, "activation has", "activations have")} channels that are 0 on all {diagnosis.Images} images, most of them '{dead[0].Name}': {dead[0].Channels!.Dead} of {dead[0].Channels!.Count}. They cost time and no accuracy.");
    }

    private IEnumerable<DiagnosisFinding> FloatForm()
    {
        if (!diagnosis.HasFloatModel)
        {
            yield return new(FindingSeverity.Info, "float_model", "The float network was made by taking the Q/DQ pairs out of the quantized one. Its weights are the rounded ones, so what rounding weights costs is not seen.", "Give the original network with --float to see it.");
            yield break;
        }
        if (diagnosis.MatchedLayers < diagnosis.WeightLayers)
            yield return new(FindingSeverity.Info, "float_model", $"{diagnosis.WeightLayers - diagnosis.MatchedLayers} of {diagnosis.WeightLayers} quantized weights differ from those of the float model by more than rounding: they were trained or pruned, or equalized or moved far by whoever quantized them, or the layers have other names. What rounding costs in these is not seen.");
        if (diagnosis.ErrorOfFloatForm is > SameNetworkError and var error)
            yield return new(FindingSeverity.Info, "float_model", $"With every pair taken out the network still is at {Text(Diagnosis.Decibels(error))} of the float model: that part of the error is a change of weights or biases, not rounding to INT8.");
    }

    private DiagnosisFinding Engine()
    {
        if (traces.FirstDifference is { } first)
            return new(FindingSeverity.Info, "engine", $"Engine and simulator differ, first in '{first}': in a literal float run of this file sums are not exact (its scales have too many bits for that), and one flipped step changes all later layers.", "pith compare MODEL@reference MODEL@engine --identical says whether the engine's kernels compute what they should.");
        var outputs = traces.OutputDifference == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", and in the outputs, which are float sums, within {traces.OutputDifference:0.#e0}");
        return new(FindingSeverity.Info, "engine", $"The engine and the simulator agree to the last bit in all {traces.ComparedTensors} integer tensors that both have{outputs}: the error is that of the quantized file, not of the engine.");
    }

    private static string Count(int count, string one, string many) => count switch { 1 => $"One {one}", 2 => $"Two {many}", 3 => $"Three {many}", _ => $"{count} {many}" };

    private static string Text(double decibels) => double.IsInfinity(decibels) ? "no error" : Number(decibels) + " dB";

    private static string Percent(double share) => (100 * share).ToString("0", CultureInfo.InvariantCulture) + "%";

    private static string Number(double number) => number.ToString("0.0", CultureInfo.InvariantCulture);

    private static string Quoted(string name) => name.AsSpan().ContainsAny(' ', '*', '(') || name.AsSpan().ContainsAny('$', ';', '&') ? $"\"{name}\"" : name;
}
