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
        return new Cloner(graph, IsOther, keepsBoundary: false).Run();
    }

    /// <summary>
    /// A copy of <paramref name="graph"/> that computes in float32 what it computes in half precision. Inputs and outputs keep their types and names: they are converted, as <c>NAME/float32</c>, right after
    /// the one and before the other. Nothing in between is rounded to half precision, so results are the nearer to real arithmetic, and numbers beyond 65504 stay finite on the way.
    /// </summary>
    public static Graph OfHalf(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return new Cloner(graph, type => type == DataType.Float16, keepsBoundary: true).Run();
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

    private sealed class Cloner(Graph source, Func<DataType, bool> isConverted, bool keepsBoundary) : GraphCloner(source)
    {
        private readonly HashSet<Value> _returned = keepsBoundary ? source.Outputs.Where(output => isConverted(output.Type.DataType)).ToHashSet<Value>(ReferenceEqualityComparer.Instance) : [];

        protected override Value AddInput(Value input) =>
            keepsBoundary && isConverted(input.Type.DataType) ? Copy.AddNode(new Cast(DataType.Float32), [Copy.AddInput(input.Name, input.Type)], $"{input.Name}/float32", [$"{input.Name}/float32"]).Output : base.AddInput(input);

        protected override TensorType TypeOf(Value input) => isConverted(input.Type.DataType) ? input.Type.As(DataType.Float32) : input.Type;

        protected override Tensor ConstantOf(Value constant) => isConverted(constant.Type.DataType) ? Single(constant.Constant!, constant.Name) : constant.Constant!;

        protected override Op OpOf(Node node, Value?[] inputs) => Single(node.Op, isConverted);

        protected override string NameOf(Value output) => _returned.Contains(output) ? $"{output.Name}/float32" : output.Name;

        protected override Value OutputOf(Value output, Value made) =>
            _returned.Contains(output) ? Copy.AddNode(new Cast(output.Type.DataType), [made], $"{output.Name}/returned", [output.Name]).Output : made;
    }
}
