using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Element-wise arithmetic on one quantized tensor between its DequantizeLinear and a QuantizeLinear: whatever it computes, it maps 256 values to 256 values, so it becomes a table.
/// </summary>
internal static class TableFusion
{
    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (context.Literal || QdqPatterns.OfQuantize(node) is null || node.Output.Type.Rank is not (2 or 4)) return null;
        var region = new List<Node> { node };
        Value? source = null;
        if (!Collect(node.Input(0)!, node, context, region, ref source) || source is null || !context.SameShape(source, node.Output)) return null;
        region.Sort((left, right) => context.Order(left).CompareTo(context.Order(right)));
        var input = source;
        return new FusedNode
        {
            Nodes = region,
            Inputs = [input],
            Outputs = [node.Output],
            Layouts = LayoutRule.ChannelsLast(),
            Create = parts => new TableLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Table = Tabulate(region, input, node.Output) },
        };
    }

    // Walks up from the QuantizeLinear. Every leaf must be a scalar constant or the one quantized source; everything between must be read here only.
    private static bool Collect(Value value, Node reader, FusionContext context, List<Node> region, ref Value? source)
    {
        if (value.Constant is { Length: 1 }) return true;
        if (QdqPatterns.IsDequantized(value, out var quantized, out _))
        {
            source ??= quantized;
            return ReferenceEquals(source, quantized) && context.SameShape(quantized, value);
        }
        if (value.Producer is not { } node || !IsElementwise(node)) return false;
        if (region.Contains(node)) return true;
        if (context.IsTaken(node) || context.IsVisible(value)) return false;
        region.Add(node);
        foreach (var input in node.Inputs)
            if (input is not null && !Collect(input, node, context, region, ref source)) return false;
        return value.Uses.All(use => region.Contains(use.Node));
    }

    private static bool IsElementwise(Node node) => node.Op is UnaryOp or Clip || (node.Op is Add or Sub or Mul or Div && node.Output.Type.DataType == DataType.Float32);

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
