using Pith.Kernels;

namespace Pith.Building;

/// <summary>
/// Where the matrices of an operand or result of attention lie in its slot: rows and columns of each, and one stride for each leading axis. Operands may be multiplied and quantized before they are used.
/// </summary>
/// <param name="Offset">The first element.</param>
/// <param name="Leading">Strides of the leading axes, in elements.</param>
/// <param name="Row">From row to row.</param>
/// <param name="Column">From column to column.</param>
internal sealed record AttentionMatrices(long Offset, ValueList<long> Leading, int Row, int Column)
{
    /// <summary>The first element of a matrix.</summary>
    /// <param name="index">Counted over the leading axes.</param>
    /// <param name="sizes">Their sizes.</param>
    public long Start(long index, ReadOnlySpan<int> sizes)
    {
        var at = Offset;
        for (var axis = sizes.Length - 1; axis >= 0; axis--)
        {
            at += index % sizes[axis] * Leading[axis];
            index /= sizes[axis];
        }
        return at;
    }
}

/// <summary>An operand of attention: q, k or v.</summary>
/// <param name="Matrices">Where it lies.</param>
/// <param name="Factor">It is multiplied by this first.</param>
/// <param name="Quantization">Then it goes through QuantizeLinear and DequantizeLinear; null for none.</param>
internal sealed record AttentionOperand(AttentionMatrices Matrices, float Factor, Quantization? Quantization);

/// <summary>
/// y = softmax(scale * q k + mask) v for many pairs of matrices: q is [M, D], k is [D, T], v is [T, W], each read where it lies. Operands: the tensors that hold q, k and v, and the mask or null.
/// </summary>
internal sealed class AttentionLayer : Layer
{
    public required AttentionOperand Query { get; init; }
    public required AttentionOperand Key { get; init; }
    public required AttentionOperand Value { get; init; }

    /// <summary>Where the mask's matrices lie; strides of 0 where it is broadcast.</summary>
    public AttentionMatrices? Mask { get; init; }

    /// <summary>What products of q and k are multiplied by.</summary>
    public required float Scale { get; init; }

    /// <summary>How the result of the softmax is quantized; null for float.</summary>
    public Quantization? Weights8 { get; init; }

    /// <summary>Where the results go.</summary>
    public required AttentionMatrices Result { get; init; }

    /// <summary>How the results are quantized; null for float.</summary>
    public Quantization? ResultQuantization { get; init; }

    /// <summary>The leading axes: images, heads.</summary>
    public required BatchShape LeadingShape { get; init; }

    /// <summary>Rows of q and the result.</summary>
    public required int M { get; init; }

    /// <summary>Columns of q.</summary>
    public required int D { get; init; }

    /// <summary>Columns of k, rows of v.</summary>
    public required int T { get; init; }

    /// <summary>Columns of v and the result.</summary>
    public required int W { get; init; }

    public override IEnumerable<Tensor> Weights => [];

    public override string Precision => Query.Quantization is null && Weights8 is null ? "float32" : "int8";

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Op, $"attention {LeadingShape.At(maxBatch)} {M}x{D}x{T}x{W}{(Mask is null ? "" : " masked")} {Precision}");
}
