using System.Globalization;
using Pith.Ops;

namespace Pith.Cli.Reporting.Html;

/// <summary>A network as its file has it: a box for each node, input and output; constants stand in the box of the node that reads them.</summary>
internal static class NetworkDrawing
{
    public const string Prefix = "g";

    /// <param name="graph">The network.</param>
    /// <param name="layerOf">The engine's layer that runs a node, by the node's name; empty without an engine.</param>
    public static DrawnGraph Of(Graph graph, IReadOnlyDictionary<string, (string Name, string Id)> layerOf)
    {
        var summaries = GraphSummary.Of(graph).Layers.ToDictionary(layer => layer.Name, StringComparer.Ordinal);
        var (nodes, edges, places) = (new List<DrawnNode>(), new List<DrawnEdge>(), new Dictionary<Value, int>(ReferenceEqualityComparer.Instance));
        foreach (var input in graph.Inputs) places[input] = Add(Terminal("input", input));
        foreach (var node in graph.Nodes)
        {
            var place = Add(Box(node));
            foreach (var output in node.Outputs) places[output] = place;
            foreach (var input in node.Inputs.OfType<Value>().Distinct()) Join(input, place);
        }
        foreach (var output in graph.Outputs) Join(output, Add(Terminal("output", output)));
        return new DrawnGraph("graph", nodes, edges);

        int Add(DrawnNode node)
        {
            nodes.Add(node with { Id = IdOf(nodes.Count) });
            return nodes.Count - 1;
        }

        void Join(Value value, int reader)
        {
            if (places.TryGetValue(value, out var place)) edges.Add(new DrawnEdge(place, reader, value.Type.ToString()));
        }

        DrawnNode Box(Node node)
        {
            var layer = summaries.GetValueOrDefault(node.Name);
            return new DrawnNode
            {
                Id = "",
                Title = node.Op.Schema.Name,
                Name = node.Name,
                Style = StyleOf(node, layer),
                Lines = [.. Lines(node, layer)],
                Zeros = layer?.Sparsity,
                Details = Details(node, layer, places, layerOf),
            };
        }
    }

    private static string IdOf(int place) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{place}");

    private static DrawnNode Terminal(string kind, Value value) =>
        new() { Id = "", Title = kind, Name = value.Name, Style = "terminal", Lines = [value.Type.ToString()], Details = [new(kind, [new("name", value.Name), new("type", value.Type.ToString())])] };

    private static string StyleOf(Node node, LayerSummary? layer) => node.Op switch
    {
        QuantizeLinear or DequantizeLinear => "qdq",
        _ when layer?.Precision == Precision.Int8 => "int8",
        _ => TypeStyle(node.Output.Type.DataType),
    };

    private static string TypeStyle(DataType type) => type switch
    {
        DataType.Float32 => "float32",
        DataType.Float16 or DataType.BFloat16 => "half",
        DataType.Int8 or DataType.UInt8 => "int8",
        _ => "other",
    };

    private static IEnumerable<string> Lines(Node node, LayerSummary? layer)
    {
        if (node.Op is QuantizeLinear or DequantizeLinear)
        {
            var type = node.Op is QuantizeLinear ? node.Output.Type.DataType : node.Inputs[0]!.Type.DataType;
            yield return node.Inputs[1]!.Constant is { Length: 1 } scale ? string.Create(CultureInfo.InvariantCulture, $"{type.ShortName()} × {Reals(scale)[0]:G4}") : $"{type.ShortName()} × {node.Inputs[1]!.Type.Dims}";
            yield break;
        }
        if (layer is not null) yield return node.Name;
        foreach (var constant in node.Inputs.Where(input => input?.Constant is { Length: > 1 }).Take(3)) yield return $"{constant!.Type}";
        if (layer is not null) yield return Sparsity(layer.Pattern, layer.Sparsity);
    }

    /// <summary>What is known of a layer's zeros.</summary>
    public static string Sparsity(string? pattern, double zeros) => pattern is not null ? $"{pattern} · {StageText.Percent(zeros)} zeros" : $"dense · {StageText.Percent(zeros)} zeros";

    private static List<DrawnSection> Details(Node node, LayerSummary? layer, Dictionary<Value, int> places, IReadOnlyDictionary<string, (string Name, string Id)> layerOf)
    {
        var about = new List<DrawnDetail> { new("name", node.Name), new("op", node.Op.Schema.Name) };
        if (layer is not null)
        {
            about.Add(new("precision", layer.Precision switch { Precision.Int8 => "int8: data and weights are quantized", Precision.Int8Weights => "float: only the weights are quantized", _ => "float" }));
            about.Add(new("MACs", layer.MultiplyAccumulates.ToString("N0", CultureInfo.InvariantCulture)));
            about.Add(new("sparsity", Sparsity(layer.Pattern, layer.Sparsity)));
        }
        if (layerOf.TryGetValue(node.Name, out var runs)) about.Add(new("runs in layer", runs.Name, runs.Id));
        List<DrawnSection> sections = [new(node.Op.Schema.Name, about)];
        if (NodeAttributes.Of(node) is { Count: > 0 } attributes) sections.Add(new("attributes", [.. attributes.Select(attribute => new DrawnDetail(attribute.Name, attribute.Text))]));
        sections.Add(new("inputs", [.. node.Inputs.Select((input, i) => Describe(i, input))]));
        foreach (var constant in node.Inputs.OfType<Value>().Where(input => input.Constant is not null).Distinct()) sections.Add(new($"constant {constant.Name}", Content(constant.Constant!)));
        if (WeightOperand.Of(node) is { IsQuantized: true } weight && weight.Effective() is { } rounded) sections.Add(new($"weight {weight.Constant.Name}, dequantized", [new("stored", weight.Constant.Constant!.ToString()), .. Content(rounded)]));
        sections.Add(new("outputs", [.. node.Outputs.Select((output, i) => new DrawnDetail(i.ToString(CultureInfo.InvariantCulture), $"{output.Name} {output.Type}"))]));
        return sections;

        DrawnDetail Describe(int index, Value? input) => new(index.ToString(CultureInfo.InvariantCulture), input is null ? "(absent)" : $"{input.Name} {input.Type}", input is not null && places.TryGetValue(input, out var place) ? IdOf(place) : null);
    }

    /// <summary>Type, range and zeros of a constant, or its elements when there are few.</summary>
    private static List<DrawnDetail> Content(Tensor tensor)
    {
        var rows = new List<DrawnDetail> { new("type", tensor.ToString()) };
        if (NodeAttributes.Elements(tensor) is { } elements)
        {
            rows.Add(new("elements", elements));
            return rows;
        }
        var summary = TensorSummary.Of("", tensor, null);
        if (summary is { Min: { } min, Max: { } max, Mean: { } mean }) rows.Add(new("min, mean, max", string.Create(CultureInfo.InvariantCulture, $"{min:G5}, {mean:G5}, {max:G5}")));
        rows.Add(new("zeros", StageText.Percent(TensorSummary.ZeroShare(tensor))));
        if (summary.NonFinite > 0) rows.Add(new("not finite", summary.NonFinite.ToString(CultureInfo.InvariantCulture)));
        return rows;
    }

    private static double[] Reals(Tensor tensor) => tensor.ConvertTo(DataType.Float64).As<double>().Data;
}
