using System.Globalization;
using Pith.Benchmarking;

namespace Pith.Cli.Reporting.Html;

/// <summary>A network as an engine runs it: a box for each fused layer, with its kernel and, when it was measured, its time.</summary>
internal static class EngineDrawing
{
    public const string Prefix = "e";

    /// <param name="layers">The engine's layers in execution order.</param>
    /// <param name="inputs">The network's inputs.</param>
    /// <param name="profile">The time of each layer, in the same order; null when it was not measured.</param>
    /// <param name="isInGraph">The id in the page of the graph's node of that name; null when the graph has none.</param>
    public static DrawnGraph Of(IReadOnlyList<LayerInfo> layers, IReadOnlyList<(string Name, TensorType Type)> inputs, IReadOnlyList<LayerResult>? profile, Func<string, string?> isInGraph)
    {
        List<DrawnNode> nodes = [.. inputs.Select((input, i) => new DrawnNode { Id = IdOf(i), Title = "input", Name = input.Name, Style = "terminal", Lines = [input.Type.ToString()], Details = [new("input", [new("name", input.Name), new("type", input.Type.ToString())])] })];
        var edges = new List<DrawnEdge>();
        for (var i = 0; i < layers.Count; i++)
        {
            var layer = layers[i];
            foreach (var operand in layer.Operands.Distinct())
            {
                var from = operand.Layer >= 0 ? inputs.Count + operand.Layer : IndexOf(inputs, operand.Name);
                if (from >= 0) edges.Add(new DrawnEdge(from, inputs.Count + i, operand.Type));
            }
            nodes.Add(Box(layer, profile?[i], IdOf(inputs.Count + i), isInGraph));
        }
        return new DrawnGraph("engine", nodes, edges);
    }

    /// <summary>By the name of a graph's node, the layer that runs it.</summary>
    public static IReadOnlyDictionary<string, (string Name, string Id)> LayerOf(IReadOnlyList<LayerInfo> layers, int inputs)
    {
        var layerOf = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        for (var i = 0; i < layers.Count; i++)
            foreach (var node in layers[i].Nodes) layerOf.TryAdd(node, (layers[i].Name, IdOf(inputs + i)));
        return layerOf;
    }

    private static string IdOf(int place) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{place}");

    // A conversion of an input has the input's name with something after it.
    private static int IndexOf(IReadOnlyList<(string Name, TensorType Type)> inputs, string operand)
    {
        for (var i = 0; i < inputs.Count; i++)
            if (inputs[i].Name == operand) return i;
        return inputs.Count == 1 ? 0 : -1;
    }

    private static DrawnNode Box(LayerInfo layer, LayerResult? time, string id, Func<string, string?> isInGraph)
    {
        var lines = new List<string> { layer.Name, layer.Tactic };
        if (layer.WeightSparsity is { } zeros) lines.Add(NetworkDrawing.Sparsity(layer.Spec.Pattern?.ToString(), zeros));
        if (time is not null) lines.Add(string.Create(CultureInfo.InvariantCulture, $"{time.Microseconds:0.0} µs · {100 * time.TimeShare:0.0}%"));
        if (layer.ReferenceReason is not null) lines.Add("plain loops");
        return new DrawnNode
        {
            Id = id,
            Title = layer.Spec.Kind == LayerKind.Op ? layer.Spec.Detail.Split('(', ' ')[0] : layer.Spec.Kind.ToString(),
            Name = layer.Name,
            Style = layer.Spec.Kind is LayerKind.Quantize or LayerKind.Dequantize ? "qdq" : layer.Precision switch { "int8" => "int8", "float32" => "float32", "bfloat16" or "float16" => "half", _ => "other" },
            Lines = lines,
            Zeros = layer.WeightSparsity,
            TimeShare = time?.TimeShare,
            Details = Details(layer, time, isInGraph),
        };
    }

    private static List<DrawnSection> Details(LayerInfo layer, LayerResult? time, Func<string, string?> isInGraph)
    {
        List<DrawnDetail> about = [new("name", layer.Name), new("specification", layer.Spec.ToString()), new("precision", layer.Precision), new("tactic", layer.Tactic)];
        if (layer.Kernels.Count > 0) about.Add(new("kernels", string.Join(", ", layer.Kernels)));
        if (layer.ReferenceReason is { } reason) about.Add(new("plain loops because", reason));
        if (layer.Macs > 0) about.Add(new("MACs", layer.Macs.ToString("N0", CultureInfo.InvariantCulture)));
        if (layer.WeightBytes > 0) about.Add(new("constants", StageText.Bytes(layer.WeightBytes)));
        if (layer.WeightSparsity is { } zeros) about.Add(new("sparsity", NetworkDrawing.Sparsity(layer.Spec.Pattern?.ToString(), zeros)));
        List<DrawnSection> sections = [new(layer.Spec.Kind.ToString(), about)];
        if (time is not null) sections.Add(new("time", [.. Times(time)]));
        sections.Add(new("reads", [.. layer.Operands.Select(operand => new DrawnDetail(operand.Name, operand.Type))]));
        sections.Add(new("writes", [.. layer.Outputs.Select(output => new DrawnDetail("", output))]));
        sections.Add(new($"{layer.Nodes.Count} {(layer.Nodes.Count == 1 ? "node" : "nodes")} of the graph", [.. layer.Nodes.Select(node => new DrawnDetail("", node, isInGraph(node)))]));
        sections.Add(new("tactics", [.. Tactics(layer)]));
        return sections;
    }

    // Those that could run the layer one by one, the others by the reason.
    private static IEnumerable<DrawnDetail> Tactics(LayerInfo layer)
    {
        foreach (var verdict in layer.Verdicts.Where(verdict => verdict.Accepted))
            yield return new DrawnDetail(verdict.Tactic, verdict.Seconds is { } seconds ? string.Create(CultureInfo.InvariantCulture, $"{1e6 * seconds:0.0} µs, {verdict.Reason}") : verdict.Reason);
        foreach (var refused in layer.Verdicts.Where(verdict => !verdict.Accepted).GroupBy(verdict => verdict.Reason))
            yield return new DrawnDetail(string.Create(CultureInfo.InvariantCulture, $"{refused.Count()} refused"), refused.Key);
    }

    private static IEnumerable<DrawnDetail> Times(LayerResult time)
    {
        yield return new("µs per run", time.Microseconds.ToString("0.00", CultureInfo.InvariantCulture));
        yield return new("share", StageText.Percent(time.TimeShare));
        if (time.MacsPerSecond is { } rate) yield return new("GMAC/s", (rate / 1e9).ToString("0.0", CultureInfo.InvariantCulture));
        if (time.PeakShare is { } peak) yield return new("of peak", StageText.Percent(peak));
    }
}
