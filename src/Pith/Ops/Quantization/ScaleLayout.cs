namespace Pith.Ops;

/// <summary>
/// Which scale belongs to which element. A scale with one element is per tensor; a vector is per slice along an axis; a scale of the data's rank is per block of
/// <paramref name="blockSize"/> elements along the axis.
/// </summary>
internal readonly struct ScaleLayout(Shape data, Shape scale, int axis, int blockSize)
{
    private readonly bool _perTensor = scale.Length == 1;
    private readonly int _size = scale.Length == 1 ? 1 : data[axis];
    private readonly int _inner = scale.Length == 1 ? 1 : data.LengthOf(Sizes.Axis(axis, data.Rank) + 1, data.Rank);
    private readonly int _blockSize = blockSize;
    private readonly int _blocks = blockSize == 0 ? 0 : scale[axis];

    /// <summary>The index of the scale of element <paramref name="element"/>.</summary>
    public int IndexOf(int element)
    {
        if (_perTensor) return 0;
        var (rest, inner) = Math.DivRem(element, _inner);
        var (outer, position) = Math.DivRem(rest, _size);
        return _blockSize == 0 ? position : (outer * _blocks + position / _blockSize) * _inner + inner;
    }

    /// <summary>Requires the scale (operand 1) and zero point (operand 2, optional) to fit the data (operand 0).</summary>
    /// <param name="context">The node.</param>
    /// <param name="axis">The axis of a vector of scales, or of blocks.</param>
    /// <param name="blockSize">0 without blocks.</param>
    public static void Check(InferContext context, int axis, int blockSize)
    {
        var (data, scale) = (context.Type(0), Reals.FloatType(context, 1));
        if (context.Has(2) && !IsShapeOf(context.Type(2), scale)) throw context.Error($"the zero point must have the shape of the scale, {scale.Dims}, got {context.Type(2).Dims}");
        if (blockSize > 0)
        {
            CheckBlocks(context, data, scale, context.Axis(axis, data.Rank), blockSize);
            return;
        }
        if (scale.Rank > 1) throw context.Error($"the scale must be a scalar or a vector, got rank {scale.Rank} (blocked scales need block_size)");
        if (scale.Rank == 0 || scale[0] == 1) return;
        if (!Sizes.MayBeEqual(scale[0], data[context.Axis(axis, data.Rank)])) throw context.Error($"the scale must have one element for each index of axis {axis}");
    }

    // A scalar and a vector of one element both mean "per tensor".
    private static bool IsShapeOf(TensorType zeroPoint, TensorType scale) =>
        IsSingle(zeroPoint) && IsSingle(scale) || zeroPoint.Rank == scale.Rank && scale.Dims.Zip(zeroPoint.Dims).All(pair => Sizes.MayBeEqual(pair.First, pair.Second));

    private static bool IsSingle(TensorType type) => type.Rank == 0 || type.Rank == 1 && type[0] == 1;

    private static void CheckBlocks(InferContext context, TensorType data, TensorType scale, int axis, int blockSize)
    {
        if (scale.Rank != data.Rank) throw context.Error("with block_size the scale must have the rank of the data");
        for (var i = 0; i < data.Rank; i++)
        {
            var expected = i != axis ? data[i] : data[i].IsFixed ? (data[i].Size + blockSize - 1) / blockSize : scale[i];
            if (!Sizes.MayBeEqual(scale[i], expected)) throw context.Error($"with block_size {blockSize} the scale must have size {expected} along axis {i}, got {scale[i]}");
        }
    }
}
