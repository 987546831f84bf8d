using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Element-wise arithmetic on one quantized tensor between its DequantizeLinear and a QuantizeLinear: whatever it computes, it maps 256 values to 256 values, so it becomes a table. Pairs in between, as
/// in x * sigmoid(x) with a pair after every operator, are part of what is tabulated.
/// </summary>
internal static class TableFusion
{
    /// <summary>The largest region with pairs in between; it has to be found before its parts become layers of their own.</summary>
    public static FusedNode? TryFuseThroughPairs(Node node, FusionContext context) =>
        Region(node, context) is { } region && region.Nodes.Any(inner => inner.Op is DequantizeLinear) ? Layer(region, node, context) : null;

    /// <summary>What is left: a region without pairs.</summary>
    public static FusedNode? TryFuse(Node node, FusionContext context) => Region(node, context) is { } region ? Layer(region, node, context) : null;

    private static FusedNode? Layer((Value Source, List<Node> Nodes) region, Node node, FusionContext context)
    {
        if (!context.SameShape(region.Source, node.Output)) return null;
        region.Nodes.Sort((left, right) => context.Order(left).CompareTo(context.Order(right)));
        return new FusedNode
        {
            Nodes = region.Nodes,
            Inputs = [region.Source],
            Outputs = [node.Output],
            Layouts = LayoutRule.Stored(node.Output.Type.Rank),
            Create = parts => new TableLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Table = Tabulate(region.Nodes, region.Source, node.Output) },
        };
    }

    // Of several tensors that everything can be computed from, the first computed makes the largest region.
    private static (Value Source, List<Node> Nodes)? Region(Node node, FusionContext context)
    {
        if (context.Literal || QdqPatterns.OfQuantize(node) is null || node.Output.Type.Rank < 2) return null;
        var sources = new HashSet<Value>(ReferenceEqualityComparer.Instance);
        FindSources(node.Input(0)!, context, sources, new HashSet<Node>(ReferenceEqualityComparer.Instance));
        foreach (var source in sources.OrderBy(source => source.Producer is { } producer ? context.Order(producer) : -1))
        {
            var region = new List<Node> { node };
            if (Collect(node.Input(0)!, context, region, source)) return (source, region);
        }
        return null;
    }

    // Every quantized tensor on the way up.
    private static void FindSources(Value value, FusionContext context, HashSet<Value> sources, HashSet<Node> seen)
    {
        if (value.Producer is not { } node || !seen.Add(node)) return;
        if (QdqPatterns.IsDequantized(value, out var quantized, out _))
        {
            sources.Add(quantized);
            if (quantized.Producer is { } pair && QdqPatterns.OfQuantize(pair) is not null && !context.IsTaken(pair)) FindSources(pair.Input(0)!, context, sources, seen);
        }
        else if (IsElementwise(node))
        {
            foreach (var input in node.Inputs)
                if (input is not null) FindSources(input, context, sources, seen);
        }
    }

    // Walks up from the QuantizeLinear. Every leaf must be a scalar constant or the quantized source; everything between must be read here only.
    private static bool Collect(Value value, FusionContext context, List<Node> region, Value source)
    {
        if (value.Constant is { Length: 1 }) return true;
        if (value.Producer is not { } node) return false;
        if (QdqPatterns.IsDequantized(value, out var quantized, out _) && ReferenceEquals(source, quantized)) return context.SameShape(quantized, value);
        var isPair = quantized is not null || QdqPatterns.OfQuantize(node) is not null;
        if (!isPair && !IsElementwise(node)) return false;
        if (region.Contains(node)) return true;
        if (context.IsTaken(node) || context.IsVisible(value)) return false;
        region.Add(node);
        foreach (var input in isPair ? node.Inputs.Take(1) : node.Inputs)
            if (input is not null && !Collect(input, context, region, source)) return false;
        return value.Uses.All(use => region.Contains(use.Node));
    }

    private static bool IsElementwise(Node node) => node.Op is UnaryOp or Clip or PRelu || (node.Op is Add or Sub or Mul or Div && node.Output.Type.DataType == DataType.Float32);

    // Runs the region on all 256 values by the ops' own definitions.
    private static ValueList<byte> Tabulate(List<Node> region, Value source, Value result)
    {
        var stored = Enumerable.Range(0, 256).Select(value => (byte)value).ToArray();
        var isSigned = source.Type.DataType == DataType.Int8;
        Tensor all = isSigned ? Tensor.Create(new Shape(256), Array.ConvertAll(stored, value => (sbyte)(value - 128))) : Tensor.Create(new Shape(256), stored);
        var tensors = new Dictionary<Value, Tensor>(ReferenceEqualityComparer.Instance) { [source] = all };
        Tensor Of(Value value)
        {
            if (value.Constant is { } constant) return constant.Length == 1 && constant.Shape.Rank > 1 ? constant.Reshape(new Shape()) : constant;
            if (!tensors.TryGetValue(value, out var tensor)) tensors.Add(value, tensor = Evaluate(value.Producer!));
            return tensor;
        }
        Tensor Evaluate(Node node) => node.Op.Evaluate(node.Inputs.Select(input => input is null ? null : Of(input)).ToArray(), 1)[0];
        foreach (var node in region) Of(node.Output);
        return Of(result) switch
        {
            Tensor<sbyte> q => q.Data.Select(value => (byte)(value + 128)).ToValueList(),
            var q => q.As<byte>().Data.ToValueList(),
        };
    }
}
