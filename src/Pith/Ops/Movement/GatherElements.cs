namespace Pith.Ops;

/// <summary>ONNX GatherElements: y[i, j, …] = x with the coordinate along the axis replaced by indices[i, j, …]. Operands x and indices of one rank.</summary>
/// <param name="Axis">The axis; negative counts from the end.</param>
public sealed record GatherElements(int Axis = 0) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("GatherElements", reader => new GatherElements(reader.Int32("axis", 0))) { SinceVersion = 11, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (x, indices) = (context.Type(0), context.Type(1));
        if (indices.DataType is not (DataType.Int64 or DataType.Int32)) throw context.Error("the indices must be integers");
        if (indices.Rank != x.Rank) throw context.Error("both operands must have the same rank");
        var axis = context.Axis(Axis, x.Rank);
        for (var other = 0; other < x.Rank; other++)
            if (other != axis && x[other].IsFixed && indices[other].IsFixed && indices[other].Size > x[other].Size) throw context.Error($"the indices are larger than x along axis {other}");
        return [x.With(indices.Dims)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, indices) = (inputs[0]!, inputs[1]!);
        var axis = Sizes.Axis(Axis, x.Shape.Rank);
        var strides = x.Shape.Strides();
        var indexStrides = indices.Shape.Strides();
        var numbers = indices.ToInt64s();
        var result = Tensor.Zeros(x.DataType, indices.Shape);
        var size = x.DataType.SizeInBytes();
        for (var i = 0; i < numbers.Length; i++)
        {
            var offset = 0;
            for (var other = 0; other < strides.Length; other++)
                offset += strides[other] * (other == axis ? Position(numbers[i], x.Shape[axis]) : i / indexStrides[other] % indices.Shape[other]);
            x.Bytes.Slice(offset * size, size).CopyTo(result.Bytes[(i * size)..]);
        }
        return [result];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [MovementGradient.Emit(context), null];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Int("axis", Axis);

    /// <summary>The position that an index names along an axis of <paramref name="size"/>; negative counts from the end.</summary>
    /// <exception cref="PithException">There is no such position.</exception>
    internal static int Position(long index, int size) =>
        index >= -size && index < size ? (int)(index < 0 ? index + size : index) : throw new PithException($"The index {index} is outside an axis of size {size}.");
}
