namespace Pith.Ops;

/// <summary>ONNX Range: start, start + delta, … up to and excluding the limit. Operands start, limit and delta, scalars of one type.</summary>
public sealed record Range : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Range", _ => new Range()) { SinceVersion = 11, MinInputs = 3, MaxInputs = 3, ShapeOperands = [0, 1, 2] };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var type = context.Type(0);
        for (var i = 0; i < 3; i++)
            if (context.Type(i).DataType != type.DataType || context.Type(i).Rank != 0) throw context.Error("start, limit and delta must be scalars of one type");

        var known = Enumerable.Range(0, 3).Select(i => context.KnownContent(i)?[0]).ToArray();
        if (known is [{ } start, { } limit, { } delta])
        {
            if (!start.IsFixed || !delta.IsFixed || !limit.IsFixed)
                return start == 0 && delta == 1 ? [type.With([limit])] : throw context.Error("a range up to a symbolic size must start at 0 and have steps of 1");
            var count = Count(context, start.Size, limit.Size, delta.Size);
            if (count <= ShapeContent.LongestShape) context.SetContent(0, Enumerable.Range(0, count).Select(i => Dim.Of(start.Size + i * delta.Size)).ToValueList());
            return [type.With([count])];
        }
        var bounds = Enumerable.Range(0, 3).Select(i => Reals.Of(context.Constant(i) ?? throw context.Error($"operand {i} decides the shape of the output and must be a constant"))[0]).ToArray();
        return [type.With([Count(context, bounds[0], bounds[1], bounds[2])])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (start, limit, delta) = (Reals.Of(inputs[0]!)[0], Reals.Of(inputs[1]!)[0], Reals.Of(inputs[2]!)[0]);
        var elements = new double[checked((int)Math.Max(Math.Ceiling((limit - start) / delta), 0))];
        for (var i = 0; i < elements.Length; i++) elements[i] = start + i * delta;
        return [Reals.Create(inputs[0]!.DataType, new Shape(elements.Length), elements)];
    }

    private static int Count(InferContext context, double start, double limit, double delta) =>
        delta != 0 ? checked((int)Math.Max(Math.Ceiling((limit - start) / delta), 0)) : throw context.Error("delta is 0");
}
