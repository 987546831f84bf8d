using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>What <c>pith info --show</c> adds: every constant with its range, or every node with its attributes.</summary>
/// <param name="Weights">The constants that nodes read, in the order in which they read them; null when they were not asked for.</param>
/// <param name="Attributes">The nodes in execution order; null when they were not asked for.</param>
internal sealed record ModelContents(IReadOnlyList<ModelConstant>? Weights, IReadOnlyList<ModelNode>? Attributes)
{
    public static ModelContents Of(Graph graph, bool weights, bool attributes) => new(
        weights ? [.. graph.Nodes.SelectMany(node => node.Inputs).OfType<Value>().Where(value => value.Constant is not null).Distinct().Select(ModelConstant.Of)] : null,
        attributes ? [.. graph.Nodes.Select(ModelNode.Of)] : null);

    public void Draw(IAnsiConsole console)
    {
        if (Weights is not null)
        {
            var table = new Table().Border(TableBorder.Simple).AddColumns("constant", "type", "shape");
            foreach (var title in (string[])["min", "mean", "max", "zeros", "not finite"]) table.AddColumn(new TableColumn(title).RightAligned());
            foreach (var weight in Weights)
                table.AddRow([.. ((string[])[weight.Name, weight.Type, $"[{string.Join(",", weight.Shape)}]", Text(weight.Min), Text(weight.Mean), Text(weight.Max), StageText.Percent(weight.ZeroShare), weight.NonFinite == 0 ? "" : weight.NonFinite.ToString(CultureInfo.InvariantCulture)]).Select(SafeText.Cell)]);
            console.Write(table);
        }
        if (Attributes is null) return;
        var nodes = new Table().Border(TableBorder.Simple).AddColumns("node", "op", "attributes", "inputs", "outputs");
        foreach (var node in Attributes)
            nodes.AddRow([.. ((string[])[node.Name, node.Op, string.Join(", ", node.Attributes.Select(attribute => $"{attribute.Key}={attribute.Value}")), string.Join(", ", node.Inputs), string.Join(", ", node.Outputs)]).Select(SafeText.Cell)]);
        console.Write(nodes);
    }

    private static string Text(double? number) => number is { } value ? value.ToString("G5", CultureInfo.InvariantCulture) : "";
}

/// <summary>A constant in a line.</summary>
internal sealed record ModelConstant(string Name, string Type, IReadOnlyList<int> Shape, double? Min, double? Mean, double? Max, double ZeroShare, int NonFinite)
{
    public static ModelConstant Of(Value value)
    {
        var summary = TensorSummary.Of(value.Name, value.Constant!, null);
        return new(value.Name, summary.Type, summary.Shape, summary.Min, summary.Mean, summary.Max, TensorSummary.ZeroShare(value.Constant!), summary.NonFinite);
    }
}

/// <summary>A node with its attributes in a line.</summary>
internal sealed record ModelNode(string Name, string Op, IReadOnlyDictionary<string, string> Attributes, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs)
{
    public static ModelNode Of(Node node) => new(node.Name, node.Op.Schema.Name, NodeAttributes.Of(node).ToDictionary(attribute => attribute.Name, attribute => attribute.Text, StringComparer.Ordinal),
        [.. node.Inputs.Select(input => input is null ? "(absent)" : $"{input.Name} {input.Type}")], [.. node.Outputs.Select(output => $"{output.Name} {output.Type}")]);
}
