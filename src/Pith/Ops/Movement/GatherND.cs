namespace Pith.Ops;

/// <summary>ONNX GatherND: slices of x at coordinates that the last axis of the indices holds. Operands x and 64-bit indices.</summary>
/// <param name="BatchAxes">The number of leading axes that both operands share and walk together.</param>
public sealed record GatherND(int BatchAxes = 0) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("GatherND", reader => new GatherND(reader.Int32("batch_dims", 0))) { SinceVersion = 11, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (x, indices) = (context.Type(0), context.Type(1));
        if (indices.DataType != DataType.Int64 || indices.Rank == 0) throw context.Error("the indices must be a tensor of 64-bit integers");
        if (!indices[-1].IsFixed) throw context.Error("the last size of the indices must be fixed, because it decides the rank of the output");
        if (BatchAxes < 0 || BatchAxes >= indices.Rank || BatchAxes + indices[-1].Size > x.Rank) throw context.Error($"coordinates of {indices[-1]} axes after {BatchAxes} shared ones do not fit x");
        return [x.With([.. indices.Dims.Take(indices.Rank - 1), .. x.Dims.Skip(BatchAxes + indices[-1].Size)])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, indices) = (inputs[0]!, inputs[1]!.As<long>());
        var depth = indices.Shape[-1];
        var strides = x.Shape.Strides();
        var blockBytes = x.Shape.LengthOf(BatchAxes + depth, x.Shape.Rank) * x.DataType.SizeInBytes();
        var batches = x.Shape.LengthOf(0, BatchAxes);
        var batchLength = x.Shape.LengthOf(BatchAxes, x.Shape.Rank);
        var coordinates = indices.Shape.LengthOf(0, indices.Shape.Rank - 1);
        var result = Tensor.Zeros(x.DataType, new Shape([.. indices.Shape.Dims.Take(indices.Shape.Rank - 1), .. x.Shape.Dims.Skip(BatchAxes + depth)]));
        for (var i = 0; i < coordinates; i++)
        {
            var offset = i / (coordinates / batches) * batchLength;
            for (var d = 0; d < depth; d++)
                offset += GatherElements.Position(indices.Data[i * depth + d], x.Shape[BatchAxes + d]) * strides[BatchAxes + d];
            x.Bytes.Slice(offset * x.DataType.SizeInBytes(), blockBytes).CopyTo(result.Bytes[(i * blockBytes)..]);
        }
        return [result];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [MovementGradient.Emit(context), null];

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        if (BatchAxes != 0) writer.Int("batch_dims", BatchAxes);
    }
}
