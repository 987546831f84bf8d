namespace Pith.Ops;

/// <summary>Softmax or its logarithm along one axis. Operand: x, float, any shape.</summary>
public abstract record SoftmaxOp : Op
{
    /// <summary>The axis; negative counts from the end.</summary>
    public int Axis { get; init; } = -1;

    /// <summary>
    /// The meaning before opset 13: the sum runs over <see cref="Axis"/> and all axes after it. Such a node cannot be written at opset 13 unless the axis is the last one.
    /// </summary>
    public bool FlattensTrailingAxes { get; init; }

    /// <inheritdoc/>
    public sealed override ValueList<TensorType> Infer(InferContext context)
    {
        var x = Reals.FloatType(context, 0);
        if (x.Rank == 0 && Axis is 0 or -1) return [x];
        context.Axis(Axis, x.Rank);
        return [x];
    }

    /// <inheritdoc/>
    public sealed override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var (outer, size, inner) = Lanes(x.Shape);
        var (data, y) = (Reals.Of(x), new double[x.Length]);
        for (var o = 0; o < outer; o++)
        for (var j = 0; j < inner; j++)
        {
            var (start, largest, sum) = (o * size * inner + j, double.NegativeInfinity, 0.0);
            for (var i = 0; i < size; i++) largest = Math.Max(largest, data[start + i * inner]);
            for (var i = 0; i < size; i++) sum += Math.Exp(data[start + i * inner] - largest);
            for (var i = 0; i < size; i++) y[start + i * inner] = Result(data[start + i * inner] - largest, sum);
        }
        return [Reals.Create(x.DataType, x.Shape, y)];
    }

    /// <summary>The sizes before, along and after the axis that is summed over.</summary>
    internal (int Outer, int Size, int Inner) Lanes(Shape shape)
    {
        if (shape.Rank == 0) return (1, 1, 1);
        var axis = Sizes.Axis(Axis, shape.Rank);
        return FlattensTrailingAxes ? (shape.LengthOf(0, axis), shape.LengthOf(axis, shape.Rank), 1) : Sizes.Split(shape, axis);
    }

    /// <summary>The result for an element from which the largest of its lane was subtracted.</summary>
    /// <param name="shifted">The element minus the lane's largest.</param>
    /// <param name="sum">The sum of exp over the lane.</param>
    private protected abstract double Result(double shifted, double sum);

    /// <inheritdoc/>
    public sealed override void Write(OpWriter writer)
    {
        if (FlattensTrailingAxes)
            throw new PithException($"{Schema.Name} with the meaning of opset 12 (a sum over axis {Axis} and all after it) cannot be written at opset {writer.Opset}; simplify the graph first.");
        writer.Int("axis", Axis);
    }

    /// <inheritdoc/>
    public sealed override Value?[] Gradient(GradientContext context)
    {
        if (FlattensTrailingAxes) throw new PithException($"{Schema.Name} '{context.Node.Name}' sums over several axes (the meaning of opset 12), which cannot be trained through; simplify the graph first.");
        return [context.Emit(new SoftmaxGradient { Axis = Axis, OfLogarithm = this is LogSoftmax }, context.OutputGradient, context.Output)];
    }

    /// <summary>The axis, whose default changed with opset 13.</summary>
    private protected static int ReadAxis(OpReader reader) => reader.Int32("axis", reader.Opset < 13 ? 1 : -1);

    /// <summary>Whether the node has the meaning of before opset 13 and that makes a difference: the axes after its axis are not known to have size 1.</summary>
    private protected static bool ReadFlattens(OpReader reader)
    {
        if (reader.Opset >= 13) return false;
        if (reader.InputType(0) is not { } x) return true;
        return x.Dims.Skip(Sizes.Axis(ReadAxis(reader), x.Rank) + 1).Any(dim => dim != 1);
    }
}
