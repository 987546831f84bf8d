using Pith.Ops;

namespace Pith.Passes;

/// <summary>Half and double precision networks in float32, in which Pith calibrates, quantizes and trains. Inputs and outputs change their type as well.</summary>
public static class SinglePrecision
{
    /// <summary>Whether <paramref name="graph"/> computes with float16 or float64 anywhere.</summary>
    public static bool IsNeededBy(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return graph.Inputs.Concat(graph.Constants).Concat(graph.Nodes.SelectMany(node => node.Outputs)).Any(value => IsOther(value.Type.DataType));
    }

    /// <summary>A copy of <paramref name="graph"/> in which every float tensor is float32; names stay. Constants are rounded once; casts between float types become casts to float32.</summary>
    public static Graph Of(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var copy = new Graph(graph.Name);
        foreach (var (key, text) in graph.Metadata) copy.Metadata[key] = text;
        var copies = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance);
        foreach (var input in graph.Inputs) copies[input] = copy.AddInput(input.Name, input.Type.As(Single(input.Type.DataType)));
        foreach (var constant in graph.Constants) copies[constant] = copy.AddConstant(constant.Name, constant.Constant!.ConvertTo(Single(constant.Type.DataType)));
        foreach (var node in graph.Nodes)
        {
            var inputs = node.Inputs.Select(input => input is null ? null : copies[input]).ToArray();
            var made = copy.AddNode(Single(node.Op), inputs, node.Name, [.. node.Outputs.Select(output => output.Name)]);
            for (var i = 0; i < made.Outputs.Count; i++) copies[node.Outputs[i]] = made.Outputs[i];
        }
        foreach (var output in graph.Outputs) copy.AddOutput(copies[output]);
        return copy;
    }

    private static bool IsOther(DataType type) => type is DataType.Float16 or DataType.Float64;

    private static DataType Single(DataType type) => IsOther(type) ? DataType.Float32 : type;

    private static Op Single(Op op) => op switch
    {
        Pith.Ops.Cast cast => cast with { To = Single(cast.To) },
        ConstantOfShape { Type: var type } fill when IsOther(type) => ConstantOfShape.Of(fill.Evaluate([Tensor.Vector(1L)], 1)[0].ConvertTo(DataType.Float32).As<float>().Data[0]),
        _ => op,
    };
}
