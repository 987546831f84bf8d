namespace Pith.Ops;

/// <summary>
/// ONNX Slice: x[start:end:step] along some axes. Operands x, starts, ends, and the optional axes (all in order when absent) and steps (1 when absent);
/// negative starts, ends and axes count from the end, and bounds beyond the operand are clamped. Opsets before 10 had attributes.
/// </summary>
public sealed record Slice : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Slice", Read) { MinInputs = 3, MaxInputs = 5, ShapeOperands = [1, 2, 3, 4] };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        var dims = x.Dims.ToArray();
        var starts = context.ConstantInt64s(1);
        var axes = context.Has(3) ? context.ConstantInt64s(3) : [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        var steps = context.Has(4) ? context.ConstantInt64s(4) : [.. starts.Select(_ => 1L)];
        if (axes.Length != starts.Length || steps.Length != starts.Length || context.Dims(2).Count != starts.Length)
            throw context.Error($"starts, ends, axes and steps must be of one length, got {starts.Length}, {context.Dims(2).Count}, {axes.Length} and {steps.Length}");
        for (var i = 0; i < starts.Length; i++)
        {
            var axis = context.Axis(axes[i], x.Rank);
            if (steps[i] == 0) throw context.Error("a step is 0");
            dims[axis] = SlicedSize(dims[axis], starts[i], context.Dims(2)[i], Step(steps[i])) ?? context.UnknownSize(axis);
        }
        if (starts.Length == 1) InferContent(context, starts[0], Step(steps[0]));
        return [x.With(ValueList.Create<Dim>(dims))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var (starts, ends) = (inputs[1]!.ToInt64s(), inputs[2]!.ToInt64s());
        var axes = inputs.Count > 3 ? inputs[3]?.ToInt64s() : null;
        var steps = inputs.Count > 4 ? inputs[4]?.ToInt64s() : null;
        var strides = x.Shape.Strides();
        var tables = strides.Select((stride, axis) => IndexedCopy.Table(x.Shape[axis], stride)).ToArray();
        for (var i = 0; i < starts.Length; i++)
        {
            var axis = Sizes.Axis((int)(axes?[i] ?? i), x.Shape.Rank);
            var step = Step(steps?[i] ?? 1);
            var (start, count) = Range(x.Shape[axis], starts[i], ends[i], step);
            tables[axis] = IndexedCopy.Table(count, strides[axis], start, step);
        }
        return [IndexedCopy.Read(x, tables)];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [ZeroPads(context) is { } pads ? context.Emit(new Pad(), context.OutputGradient, context.Integers(pads)) : MovementGradient.Emit(context), null, null, null, null];

    /// <summary>The amounts of the padding with zeros that undoes a slice with step 1; null for other slices, and where sizes or bounds are not known.</summary>
    private static long[]? ZeroPads(GradientContext context)
    {
        var x = context.Input(0).Type;
        if (Known(context, 1) is not { } starts || Known(context, 2) is not { } ends) return null;
        var axes = context.Node.Input(3) is null ? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)] : Known(context, 3);
        if (axes is null || (context.Node.Input(4) is not null && Known(context, 4)?.All(step => step == 1) != true)) return null;
        var pads = new long[2 * x.Rank];
        for (var i = 0; i < starts.Length; i++)
        {
            var axis = Sizes.Axis((int)axes[i], x.Rank);
            if (!x[axis].IsFixed) return null;
            var (start, count) = Range(x[axis].Size, starts[i], ends[i], 1);
            pads[axis] = start;
            pads[x.Rank + axis] = x[axis].Size - start - count;
        }
        return pads;
    }

    private static Slice Read(OpReader reader)
    {
        if (reader.Opset >= 10) return new Slice();
        foreach (var (index, name) in new[] { (1, "starts"), (2, "ends"), (3, "axes") })
            if (reader.Int64s(name) is { } values) reader.SetInput(index, Tensor.Vector(values.Span));
        return new Slice();
    }

    /// <summary>The step as 32 bits hold it: one beyond the largest axis takes a single element, like any longer one.</summary>
    private static int Step(long step) => (int)Math.Clamp(step, -int.MaxValue, int.MaxValue);

    /// <summary>The first position and the number of positions: NumPy's rules, but for starts before the first element, which ONNX clamps to it also where the step is negative.</summary>
    private static (int Start, int Count) Range(int size, long start, long end, int step)
    {
        if (size == 0) return (0, 0);
        if (start < 0) start += size;
        if (end < 0) end += size;
        start = Math.Clamp(start, 0, step > 0 ? size : size - 1);
        end = step > 0 ? Math.Clamp(end, 0, size) : Math.Clamp(end, -1, size - 1);
        var count = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -(long)step;
        return ((int)start, (int)Math.Max(count, 0));
    }

    // The same with symbols; null when it is not known from which side an end counts.
    private static Dim? SlicedSize(Dim size, long start, Dim end, int step)
    {
        if (size.IsFixed && end.IsFixed) return Range(size.Size, start, end.Value, step).Count;
        if (end == size) end = Dim.Of(long.MaxValue);
        if (!end.IsFixed && !end.IsNonNegative) return null;
        var last = step > 0 ? size : size - 1;
        // Of an axis that turns out to be empty, the last element is before the first, and nothing is taken.
        var from = step > 0 ? Bound(Dim.Of(start), size, 0, last) : Dim.Min(Bound(Dim.Of(start), size, 0, last), last);
        var to = Bound(end, size, step > 0 ? 0 : -1, last);
        return step > 0 ? Dim.Max(Dim.CeilDivide(to - from, step), 0) : Dim.Max(Dim.CeilDivide(from - to, -step), 0);
    }

    // Counted from the front and clamped. What lies beyond the largest axis on either side is beyond this one.
    private static Dim Bound(Dim bound, Dim size, Dim first, Dim last)
    {
        if (bound.IsFixed && bound.Value >= int.MaxValue) return last;
        if (bound.IsFixed && bound.Value <= -int.MaxValue) return first;
        return Dim.Max(Dim.Min(bound is { IsFixed: true, Value: < 0 } ? size + bound : bound, last), first);
    }

    private static void InferContent(InferContext context, long start, int step)
    {
        if (context.Type(0).Rank != 1 || context.KnownShapeValue(0) is not { } content) return;
        // An end that is a symbol is not known here, as the content is of a fixed length.
        if (context.Dims(2)[0] is not { IsFixed: true } end) return;
        var (first, count) = Range(content.Count, start, end.Value, step);
        context.SetShapeValue(0, Enumerable.Range(0, count).Select(i => content[first + i * step]).ToValueList());
    }

    private static long[]? Known(GradientContext context, int index) => context.Node.Input(index)?.Constant?.ToInt64s();
}
