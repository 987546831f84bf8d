using System.Numerics;

namespace Pith.Ops;

/// <summary>
/// An op that turns the elements along some axes into one. Floats are computed in double precision and rounded once, integers in their own type, where they wrap.
/// The axes are an operand since opset 18 (ReduceSum: 13), and an attribute in Pith.
/// </summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public abstract record ReduceOp(ValueList<int> Axes, bool KeepDims) : Op
{
    /// <inheritdoc/>
    public sealed override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        foreach (var axis in Axes) context.Axis(axis, x.Rank);
        if (x.DataType == DataType.Bool && !IsDefinedForBool) throw context.Error("is not defined for elements of type bool");
        var reduced = ReducedAxes(x.Rank);
        return [x.With(x.Dims.Select((dim, axis) => reduced.Contains(axis) ? 1 : dim).Where((_, axis) => KeepDims || !reduced.Contains(axis)).ToValueList())];
    }

    /// <inheritdoc/>
    public sealed override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var reduced = ReducedAxes(x.Shape.Rank);
        var kept = Enumerable.Range(0, x.Shape.Rank).Except(reduced).ToArray();
        // With the reduced axes moved to the back, each result comes from one run of elements.
        var elements = new Transpose([.. kept, .. reduced]).Evaluate([x], 1)[0];
        var run = reduced.Aggregate(1, (length, axis) => length * x.Shape[axis]);
        var results = kept.Aggregate(1, (length, axis) => length * x.Shape[axis]);
        var shape = new Shape([.. x.Shape.Dims.Select((size, axis) => reduced.Contains(axis) ? 1 : size).Where((_, axis) => KeepDims || !reduced.Contains(axis))]);
        return [elements switch
        {
            Tensor<long> numbers => Runs(numbers, shape, results, run),
            Tensor<int> numbers => Runs(numbers, shape, results, run),
            Tensor<short> numbers => Runs(numbers, shape, results, run),
            Tensor<sbyte> numbers => Runs(numbers, shape, results, run),
            Tensor<ulong> numbers => Runs(numbers, shape, results, run),
            Tensor<uint> numbers => Runs(numbers, shape, results, run),
            Tensor<ushort> numbers => Runs(numbers, shape, results, run),
            Tensor<byte> numbers => Runs(numbers, shape, results, run),
            Tensor<bool> truths => Runs((Tensor<byte>)truths.ConvertTo(DataType.UInt8), shape, results, run).ConvertTo(DataType.Bool),
            _ => Reals.Create(x.DataType, shape, Runs(Tensor.Create(elements.Shape, Reals.Of(elements)), shape, results, run).Data),
        }];
    }

    private Tensor<T> Runs<T>(Tensor<T> elements, Shape shape, int count, int length) where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var results = new T[count];
        for (var i = 0; i < count; i++) results[i] = Reduce<T>(elements.Data.AsSpan(i * length, length));
        return Tensor.Create(shape, results);
    }

    /// <inheritdoc/>
    public sealed override void Write(OpWriter writer)
    {
        writer.Flag("keepdims", KeepDims);
        AxesOperand.Write(writer, Axes, index: 1, AxesOperandSince);
    }

    /// <summary>The first opset in which the axes are an operand.</summary>
    protected virtual int AxesOperandSince => 18;

    /// <summary>True when booleans can be reduced too.</summary>
    protected virtual bool IsDefinedForBool => false;

    /// <summary>The result for one run of elements, doubles or integers; the run is empty when a reduced axis is.</summary>
    protected abstract T Reduce<T>(ReadOnlySpan<T> elements) where T : unmanaged, INumber<T>, IMinMaxValue<T>;

    /// <summary>The smallest number of a type, minus infinity for floats: the largest of no numbers.</summary>
    protected static T Smallest<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> => typeof(T) == typeof(double) ? T.CreateTruncating(double.NegativeInfinity) : T.MinValue;

    /// <summary>The largest number of a type, infinity for floats: the smallest of no numbers.</summary>
    protected static T Largest<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> => typeof(T) == typeof(double) ? T.CreateTruncating(double.PositiveInfinity) : T.MaxValue;

    /// <summary>The elements as doubles, for functions that integers do not have.</summary>
    protected static double[] AsReals<T>(ReadOnlySpan<T> elements) where T : unmanaged, INumber<T>
    {
        var reals = new double[elements.Length];
        for (var i = 0; i < reals.Length; i++) reals[i] = double.CreateChecked(elements[i]);
        return reals;
    }

    /// <summary>The real number as an element: truncated toward zero for integers, as Cast does.</summary>
    protected static T FromReal<T>(double value) where T : unmanaged => ElementCast.Convert<double, T>(value);

    /// <summary>
    /// Reads a node. One that reduces nothing (<c>noop_with_empty_axes</c>) still applies the op to each element alone: <paramref name="ofOne"/>, the <see cref="Identity"/> of most ops.
    /// </summary>
    protected static Op Read(OpReader reader, Func<ValueList<int>, bool, ReduceOp> create, int axesOperandSince = 18, Op? ofOne = null)
    {
        var axes = AxesOperand.Read(reader, index: 1, axesOperandSince);
        var keepDims = reader.Flag("keepdims", true);
        return reader.Flag("noop_with_empty_axes", false) && axes.Count == 0 ? ofOne ?? new Identity() : create(axes, keepDims);
    }

    /// <summary>True for a node that reduces nothing.</summary>
    internal static bool ReducesNothing(OpReader reader)
    {
        reader.Ignore("keepdims"); // nothing is taken away
        return reader.Flag("noop_with_empty_axes", false) && reader.Ints("axes") is not { Count: > 0 } && (reader.InputType(1) is not { } axes || axes.Dims is [{ IsFixed: true, Size: 0 }]);
    }

    /// <summary>The reduced axes in order, counted from the front.</summary>
    protected IReadOnlyList<int> ReducedAxes(int rank) => [.. Axes.Count == 0 ? Enumerable.Range(0, rank) : Axes.Select(axis => Sizes.Axis(axis, rank)).Distinct().Order()];

    /// <summary>Emits the gradient of a largest or smallest element: that of the result, shared out evenly among the elements that are equal to it.</summary>
    protected Value SpreadOverExtremes(GradientContext context)
    {
        var x = context.Input(0);
        var isExtreme = context.Emit(new Cast(x.Type.DataType), context.Emit(new Equal(), x, Spread(context, context.Output)));
        var count = context.Emit(new ReduceSum(ReducedAxes(x.Type.Rank).ToValueList()), isExtreme);
        return context.Emit(new Mul(), Spread(context), context.Emit(new Div(), isExtreme, count));
    }

    /// <summary>Emits the result's gradient, stretched back over the reduced axes to the operand's shape.</summary>
    protected Value Spread(GradientContext context) => Spread(context, context.OutputGradient);

    /// <summary>Emits <paramref name="result"/>, which has the shape of the result, stretched back over the reduced axes to the operand's shape.</summary>
    protected Value Spread(GradientContext context, Value result)
    {
        var x = context.Input(0);
        var reduced = ReducedAxes(x.Type.Rank);
        var gradient = result;
        if (!KeepDims && reduced.Count > 0) gradient = context.Emit(new Unsqueeze(reduced.ToValueList()), gradient);
        var shape = reduced.All(axis => x.Type[axis].IsFixed)
            ? context.Integers([.. x.Type.Dims.Select((dim, axis) => reduced.Contains(axis) ? dim.Size : 1L)])
            : context.Emit(new ShapeOf(), x);
        return context.Emit(new Expand(), gradient, shape);
    }
}
