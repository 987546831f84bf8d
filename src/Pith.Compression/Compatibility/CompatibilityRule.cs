namespace Pith.Compression.Compatibility;

/// <summary>What a violation costs.</summary>
internal enum Severity
{
    /// <summary>The runtime refuses the file, or computes something else than it says.</summary>
    Error,

    /// <summary>The runtime takes the file, but computes a part of it in float, or slower than it could.</summary>
    Warning,
}

/// <summary>Where a rule is broken.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="OpType">Its op.</param>
/// <param name="Problem">What is there, and what is expected.</param>
/// <param name="Fix">What to change.</param>
/// <param name="Versions">The releases that it concerns, when they are not those of the rule.</param>
internal sealed record Finding(string Node, string OpType, string Problem, string Fix, RuntimeVersions? Versions = null)
{
    public static Finding At(Node node, string problem, string fix, RuntimeVersions? versions = null) => new(node.Name, node.Op.Schema.Name, problem, fix, versions);
}

/// <summary>One thing that a runtime asks of a model: a line in its list of rules.</summary>
/// <param name="Id">The name that reports show, e.g. <c>zero-point</c>.</param>
/// <param name="Severity">What a violation costs.</param>
/// <param name="Versions">The releases that have the rule.</param>
/// <param name="Summary">The rule in one sentence.</param>
/// <param name="Find">Every place where the model breaks it.</param>
internal sealed record CompatibilityRule(string Id, Severity Severity, RuntimeVersions Versions, string Summary, Func<CheckedModel, IEnumerable<Finding>> Find);

/// <summary>A model as rules see it.</summary>
/// <param name="Graph">The imported graph; not simplified, so that names are those of the file.</param>
/// <param name="File">The opset and the nodes of the file.</param>
internal sealed record CheckedModel(Graph Graph, OnnxFileContents File)
{
    /// <summary>The layers with constant weights.</summary>
    public IReadOnlyList<WeightOperand> Weights { get; } = [.. Graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>()];
}

/// <summary>A rule that a model breaks.</summary>
/// <param name="Rule">The rule's name.</param>
/// <param name="Severity">What it costs.</param>
/// <param name="Node">The node's name.</param>
/// <param name="OpType">Its op.</param>
/// <param name="Versions">The releases among those asked for that it concerns.</param>
/// <param name="Problem">What is there, and what is expected.</param>
/// <param name="Fix">What to change.</param>
internal sealed record Violation(string Rule, Severity Severity, string Node, string OpType, string Versions, string Problem, string Fix);
