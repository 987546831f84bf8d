using Pith.Ops;

namespace Pith;

/// <summary>Networks in half or double precision as single precision: what calibration and training work in, and what an engine computes half precision in.</summary>
public static class Float32Form
{
    /// <summary>Whether some value of <paramref name="graph"/> is a float of another width.</summary>
    public static bool IsNeeded(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return graph.Values.Any(value => IsOther(value.Type.DataType));
    }

    /// <summary>Whether some value of <paramref name="graph"/> is in half precision.</summary>
    public static bool HasHalf(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return graph.Values.Any(value => value.Type.DataType == DataType.Float16);
    }

    /// <summary>A copy of <paramref name="graph"/> in which every float is a float32: inputs, outputs, constants and what is computed. From half precision nothing is lost; names stay.</summary>
    /// <exception cref="PithException">A constant in double precision is too large for float32; the message names it.</exception>
    public static Graph Of(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return Copy(graph, IsOther, keepsBoundary: false);
    }

    /// <summary>
    /// A copy of <paramref name="graph"/> that computes in float32 what it computes in half precision. Inputs and outputs keep their types and names: they are converted, as <c>NAME/float32</c>, right after
    /// the one and before the other. Nothing in between is rounded to half precision, so results are the nearer to real arithmetic, and numbers beyond 65504 stay finite on the way.
    /// </summary>
    public static Graph OfHalf(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return Copy(graph, type => type == DataType.Float16, keepsBoundary: true);
    }

    private static Graph Copy(Graph graph, Func<DataType, bool> isConverted, bool keepsBoundary)
    {
        var copy = new Graph(graph.Name);
        foreach (var (key, text) in graph.Metadata) copy.Metadata[key] = text;
        var copies = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance);
        bool IsConverted(Value value) => isConverted(value.Type.DataType);
        foreach (var input in graph.Inputs)
        {
            var given = copy.AddInput(input.Name, IsConverted(input) && !keepsBoundary ? input.Type.As(DataType.Float32) : input.Type);
            copies[input] = IsConverted(input) && keepsBoundary ? copy.AddNode(new Cast(DataType.Float32), [given], $"{input.Name}/float32", [$"{input.Name}/float32"]).Output : given;
        }
        foreach (var constant in graph.Constants) copies[constant] = copy.AddConstant(constant.Name, IsConverted(constant) ? Single(constant.Constant!, constant.Name) : constant.Constant!);
        var isReturned = graph.Outputs.Where(output => IsConverted(output) && keepsBoundary).ToHashSet<Value>(ReferenceEqualityComparer.Instance);
        foreach (var node in graph.Nodes)
        {
            var names = node.Outputs.Select(output => isReturned.Contains(output) ? $"{output.Name}/float32" : output.Name).ToArray();
            var made = copy.AddNode(Single(node.Op, isConverted), [.. node.Inputs.Select(input => input is null ? null : copies[input])], node.Name, names);
            for (var i = 0; i < made.Outputs.Count; i++) copies[node.Outputs[i]] = made.Outputs[i];
        }
        foreach (var output in graph.Outputs)
            copy.AddOutput(isReturned.Contains(output) ? copy.AddNode(new Cast(output.Type.DataType), [copies[output]], $"{output.Name}/returned", [output.Name]).Output : copies[output]);
        return copy;
    }

    private static bool IsOther(DataType type) => type.IsFloat() && type != DataType.Float32;

    private static Op Single(Op op, Func<DataType, bool> isConverted) => op switch
    {
        Cast cast when isConverted(cast.To) => cast with { To = DataType.Float32 },
        ConstantOfShape filled when isConverted(filled.Type) => ConstantOfShape.Of(((Tensor<float>)Single(filled.Evaluate([Tensor.Vector(1L)], 1)[0], op.Schema.Name)).Data[0]),
        _ => op,
    };

    private static Tensor Single(Tensor tensor, string name)
    {
        if (!IsOther(tensor.DataType)) return tensor;
        var single = tensor.ConvertTo(DataType.Float32).As<float>();
        var wide = Reals.Of(tensor);
        for (var i = 0; i < wide.Length; i++)
            if (double.IsFinite(wide[i]) && !float.IsFinite(single.Data[i])) throw new PithException($"The constant '{name}' holds {wide[i]:R}, which is beyond float32. Scale the network down before it is compressed.");
        return single;
    }
}
