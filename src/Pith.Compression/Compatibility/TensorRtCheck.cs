using Pith.Ops;

namespace Pith.Compression.Compatibility;

/// <summary>Checks a model against what TensorRT takes: the rules of <see cref="TensorRtRules"/>.</summary>
internal static class TensorRtCheck
{
    /// <summary>The releases that are checked when none are named: the last one of 8, and all since.</summary>
    public static RuntimeVersions AllVersions { get; } = new(new RuntimeVersion(8, 6), new RuntimeVersion(11, RuntimeVersion.Newest));

    /// <summary>The releases that there are rules for.</summary>
    public static RuntimeVersions KnownVersions { get; } = new(new RuntimeVersion(8, 0), new RuntimeVersion(11, RuntimeVersion.Newest));

    /// <summary>The releases before one.</summary>
    public static RuntimeVersions Before(RuntimeVersion release) => new(KnownVersions.First, release.Minor == 0 ? new(release.Major - 1, RuntimeVersion.Newest) : release with { Minor = release.Minor - 1 });

    /// <summary>Every violation, errors first, then in the order of the rules and of the graph.</summary>
    /// <param name="graph">The imported graph, not simplified; not changed.</param>
    /// <param name="file">The file that it was read from.</param>
    /// <param name="versions">The releases to check for.</param>
    public static IReadOnlyList<Violation> Run(Graph graph, OnnxFileContents file, RuntimeVersions versions)
    {
        var model = new CheckedModel(graph, file);
        return [.. TensorRtRules.All.Where(rule => rule.Versions.And(versions) is not null).SelectMany(rule => Broken(rule, model, versions)).OrderBy(violation => violation.Severity)];
    }

    /// <summary>What there is to know that breaks no rule.</summary>
    public static IReadOnlyList<string> Notes(Graph graph, RuntimeVersions versions)
    {
        var quantized = graph.Nodes.Any(node => node.Op is QuantizeLinear or DequantizeLinear);
        List<string> notes = [];
        if (!quantized) notes.Add("The model has no Q/DQ pairs, so TensorRT computes it in floating point. INT8 by calibration is deprecated since TensorRT 10.1 and gone in 11: pith quantize --target tensorrt makes it explicit.");
        else if (versions.Last.Major >= 11) notes.Add("TensorRT 11 is strongly typed: there is no --int8 and no calibrator, the Q/DQ pairs alone say what is INT8. pith build MODEL --trtexec prints the command.");
        return notes;
    }

    private static IEnumerable<Violation> Broken(CompatibilityRule rule, CheckedModel model, RuntimeVersions versions)
    {
        foreach (var finding in rule.Find(model))
            if ((finding.Versions ?? rule.Versions).And(versions) is { } concerned)
                yield return new Violation(rule.Id, rule.Severity, finding.Node, finding.OpType, concerned.ToString(), finding.Problem, finding.Fix);
    }
}
