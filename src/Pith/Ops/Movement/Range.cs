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

        var known = Enumerable.Range(0, 3).Select(i => context.KnownShapeValue(i)?[0]).ToArray();
        if (known is [{ } start, { } limit, { } delta])
        {
            if (!delta.IsFixed) throw context.Error("the steps of a range must be a known number");
            if (delta == 0) throw context.Error("delta is 0");
            var span = delta.Value > 0 ? limit - start : start - limit;
            var step = delta.Value > 0 ? delta : 0 - delta;
            var count = Dim.Max(Dim.FloorDivide(span + step - 1, step), 0);
            if (count is { IsFixed: true, Value: <= ShapeValues.LongestShape }) context.SetShapeValue(0, Enumerable.Range(0, count.Size).Select(i => start + delta * i).ToValueList());
            return [type.With([count])];
        }
        var bounds = Enumerable.Range(0, 3).Select(i => Reals.Of(context.Constant(i) ?? throw context.Error($"operand {i} decides the shape of the output and must be a constant"))[0]).ToArray();
        if (bounds[2] == 0) throw context.Error("delta is 0");
        return [type.With([Count(bounds[0], bounds[1], bounds[2]) ?? throw context.Error($"from {bounds[0]} to {bounds[1]} in steps of {bounds[2]} has more elements than Pith can represent")])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        if (inputs[0]!.DataType is DataType.Int64 or DataType.Int32 or DataType.Int16) return [Integers(inputs[0]!, inputs[1]!, inputs[2]!)];
        var (start, limit, delta) = (Reals.Of(inputs[0]!)[0], Reals.Of(inputs[1]!)[0], Reals.Of(inputs[2]!)[0]);
        var elements = new double[Count(start, limit, delta) ?? throw new PithException($"Range: from {start} to {limit} in steps of {delta} has more elements than Pith can represent.")];
        for (var i = 0; i < elements.Length; i++) elements[i] = start + i * delta;
        return [Reals.Create(inputs[0]!.DataType, new Shape(elements.Length), elements)];
    }

    // Integers in 128 bits, so that none is rounded; any sum of them is an element's type again.
    private static Tensor Integers(Tensor start, Tensor limit, Tensor delta)
    {
        Int128 from = Integer(start), to = Integer(limit), step = Integer(delta);
        if (step == 0) throw new PithException("Range: delta is 0.");
        var count = Int128.Max(0, step > 0 ? (to - from + step - 1) / step : (from - to - step - 1) / -step);
        if (count > Array.MaxLength) throw new PithException($"Range: from {from} to {to} in steps of {step} has {count} elements, more than the {Array.MaxLength} that one array can hold.");
        var elements = new long[(int)count];
        for (var i = 0; i < elements.Length; i++) elements[i] = (long)(from + i * step);
        return Tensor.Vector<long>(elements).ConvertTo(start.DataType);
    }

    private static long Integer(Tensor scalar) => scalar.ConvertTo(DataType.Int64).ToInt64s()[0];

    // Null when there are too many, or the bounds are not numbers.
    private static int? Count(double start, double limit, double delta) =>
        delta != 0 && Math.Ceiling((limit - start) / delta) is var count && count <= Array.MaxLength ? (int)Math.Max(count, 0) : null;
}
