using Pith.Ops;

namespace Pith.Passes;

/// <summary>Networks in half or double precision as single precision, which calibration and training work in.</summary>
public static class Float32Form
{
    /// <summary>Whether some value of <paramref name="graph"/> is a float of another width.</summary>
    public static bool IsNeeded(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return graph.Values.Any(value => IsOther(value.Type.DataType));
    }

    /// <summary>A copy of <paramref name="graph"/> in which every float is a float32: inputs, outputs, constants and what is computed. From half precision nothing is lost; names stay.</summary>
    /// <exception cref="PithException">A constant in double precision is too large for float32; the message names it.</exception>
    public static Graph Of(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var copy = new Graph(graph.Name);
        foreach (var (key, text) in graph.Metadata) copy.Metadata[key] = text;
        var copies = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance);
        foreach (var input in graph.Inputs) copies[input] = copy.AddInput(input.Name, IsOther(input.Type.DataType) ? input.Type.As(DataType.Float32) : input.Type);
        foreach (var constant in graph.Constants) copies[constant] = copy.AddConstant(constant.Name, Single(constant.Constant!, constant.Name));
        foreach (var node in graph.Nodes)
        {
            var made = copy.AddNode(Single(node.Op), [.. node.Inputs.Select(input => input is null ? null : copies[input])], node.Name, [.. node.Outputs.Select(output => output.Name)]);
            for (var i = 0; i < made.Outputs.Count; i++) copies[node.Outputs[i]] = made.Outputs[i];
        }
        foreach (var output in graph.Outputs) copy.AddOutput(copies[output]);
        return copy;
    }

    private static bool IsOther(DataType type) => type.IsFloat() && type != DataType.Float32;

    private static Op Single(Op op) => op switch
    {
        Cast cast when IsOther(cast.To) => cast with { To = DataType.Float32 },
        ConstantOfShape filled when IsOther(filled.Type) => ConstantOfShape.Of(((Tensor<float>)Single(filled.Evaluate([Tensor.Vector(1L)], 1)[0], op.Schema.Name)).Data[0]),
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
