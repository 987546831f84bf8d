namespace Pith.Ops;

/// <summary>ONNX Concat: concatenates the operands along an axis.</summary>
/// <param name="Axis">The axis; negative counts from the end.</param>
public sealed record Concat(int Axis) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Concat", Read) { MaxInputs = int.MaxValue };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var result = context.Type(0);
        var axis = context.Axis(Axis, result.Rank);
        var dims = result.Dims.ToArray();
        for (var i = 1; i < context.InputCount; i++)
        {
            var next = context.Type(i);
            if (next.DataType != result.DataType || next.Rank != result.Rank) throw context.Error($"operand {i} ({next}) differs from the first ({result}) in element type or rank");
            for (var other = 0; other < dims.Length; other++)
            {
                if (other == axis) continue;
                if (!Sizes.MayBeEqual(dims[other], next[other])) throw context.Error($"operand {i} has the size {next[other]} along axis {other}, the first one {dims[other]}; only axis {axis} may differ");
                if (next[other].IsFixed) dims[other] = next[other];
            }
            dims[axis] += next[axis];
        }
        InferContent(context);
        return [result.With(ValueList.Create<Dim>(dims))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var first = inputs[0]!;
        var axis = Sizes.Axis(Axis, first.Shape.Rank);
        var result = Tensor.Zeros(first.DataType, first.Shape.With(axis, inputs.Sum(input => input!.Shape[axis])));
        var outer = first.Shape.LengthOf(0, axis);
        var written = 0;
        for (var o = 0; o < outer; o++)
            foreach (var input in inputs)
            {
                var block = input!.Bytes.Length / outer;
                input.Bytes.Slice(o * block, block).CopyTo(result.Bytes[written..]);
                written += block;
            }
        return [result];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var axis = Sizes.Axis(Axis, context.Output.Type.Rank);
        var sizes = context.Node.Inputs.Select(input => input!.Type[axis]).ToArray();
        if (sizes.Any(size => !size.IsFixed)) throw new PithException($"Concat '{context.Node.Name}' has no gradient along axis {axis}, whose sizes are known by name only. Give each a size first.");
        return [.. context.EmitNode(new Split(axis, sizes.Length, sizes.Select(size => size.Size).ToValueList()), [context.OutputGradient], sizes.Length).Outputs];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Int("axis", Axis);

    private static Concat Read(OpReader reader) =>
        reader.Has("axis") ? new Concat(reader.Int32("axis", 0)) : throw reader.Error("attribute 'axis' is missing");

    private static void InferContent(InferContext context)
    {
        var content = new List<Dim>();
        for (var i = 0; i < context.InputCount; i++)
        {
            if (context.Type(i).Rank != 1 || context.KnownShapeValue(i) is not { } part) return;
            content.AddRange(part);
        }
        context.SetShapeValue(0, content.ToValueList());
    }
}
