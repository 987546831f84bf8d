namespace Pith.Ops;

/// <summary>ONNX Split: consecutive parts of the operand along an axis, one per output.</summary>
/// <param name="Axis">The axis; negative counts from the end.</param>
/// <param name="Parts">The number of parts.</param>
/// <param name="PartSizes">The size of each part; empty: equal parts, the last one smaller when the axis does not divide.</param>
public sealed record Split(int Axis, int Parts, ValueList<int> PartSizes = default) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Split", Read) { MaxInputs = 2, MaxOutputs = int.MaxValue };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override int MinOutputs => Parts;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        var axis = context.Axis(Axis, x.Rank);
        if (PartSizes.Any(size => size < 0)) throw context.Error($"the parts {PartSizes} must not be negative");
        if (PartSizes.Count > 0 && x[axis].IsFixed && PartSizes.Sum(size => (long)size) != x[axis].Size) throw context.Error($"the parts {PartSizes} do not add up to the size {x[axis]} of axis {axis}");
        var sizes = PartDims(context, x[axis]);
        if (x.Rank == 1 && context.KnownShapeValue(0) is { } content && sizes.All(size => size.IsFixed))
        {
            var start = 0;
            for (var i = 0; i < Parts; start += sizes[i++].Size) context.SetShapeValue(i, content.Skip(start).Take(sizes[i].Size).ToValueList());
        }
        return sizes.Select(size => x.With(x.Dims.Select((dim, other) => other == axis ? size : dim).ToValueList())).ToValueList();
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var axis = Sizes.Axis(Axis, x.Shape.Rank);
        var sizes = PartSizes.Count > 0 ? PartSizes : EqualParts(x.Shape[axis]);
        var strides = x.Shape.Strides();
        var results = new Tensor[Parts];
        for (int i = 0, start = 0; i < Parts; start += sizes[i++])
            results[i] = IndexedCopy.Read(x, [.. strides.Select((stride, other) => other == axis ? IndexedCopy.Table(sizes[i], stride, start) : IndexedCopy.Table(x.Shape[other], stride))]);
        return results;
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var parts = new Value[Parts];
        for (var i = 0; i < Parts; i++) parts[i] = context.OutputGradientOf(i) ?? Zeros(context, context.Node.Outputs[i]);
        return [context.Emit(new Concat(Axis), parts)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        if (PartSizes.Count == 0 && writer.InputType(0) is { } x && Dim.DivideExactly(x[Axis], Parts) is null) writer.RequireOpset(18, "Split into unequal parts without their sizes");
        writer.Int("axis", Axis);
        AxesOperand.Write(writer, PartSizes, index: 1, since: 13, name: "split");
        if (PartSizes.Count == 0 && writer.Opset >= 18) writer.Int("num_outputs", Parts);
    }

    private static Split Read(OpReader reader)
    {
        var sizes = AxesOperand.Read(reader, index: 1, since: 13, name: "split");
        var parts = reader.Int32("num_outputs", reader.OutputCount);
        if (parts != reader.OutputCount || (sizes.Count > 0 && sizes.Count != parts)) throw reader.Error($"the node has {reader.OutputCount} outputs, its attributes ask for {(sizes.Count > 0 ? sizes.Count : parts)}");
        return new Split(reader.Int32("axis", 0), parts, sizes);
    }

    private ValueList<Dim> PartDims(InferContext context, Dim size)
    {
        if (PartSizes.Count > 0) return PartSizes.Select(Dim.Of).ToValueList();
        if (size.IsFixed) return EqualParts(size.Size).Select(Dim.Of).ToValueList();
        // Rounded up, and what is left for the last.
        var part = Dim.CeilDivide(size, Parts);
        return Enumerable.Range(0, Parts).Select(i => Dim.DivideExactly(size, Parts) ?? Dim.Max(Dim.Min(size - part * i, part), 0)).ToValueList();
    }

    private ValueList<int> EqualParts(int size)
    {
        var part = (size + Parts - 1) / Parts;
        return Enumerable.Range(0, Parts).Select(i => Math.Clamp(size - i * part, 0, part)).ToValueList();
    }

    private static Value Zeros(GradientContext context, Value like) =>
        context.Emit(ConstantOfShape.Of(0f), context.Emit(new ShapeOf(), like));
}
