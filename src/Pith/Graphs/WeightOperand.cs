using Pith.Ops;

namespace Pith;

/// <summary>
/// The constant weight of a layer and the meaning of its axes. Found behind QuantizeLinear and DequantizeLinear too, so that pruned weights can still be checked after quantization.
/// </summary>
public sealed class WeightOperand
{
    private WeightOperand(Node node, int index, Value constant, int? outputAxis, int reductionAxis, int groups) =>
        (Node, Index, Constant, OutputAxis, ReductionAxis, Groups) = (node, index, constant, outputAxis, reductionAxis, groups);

    /// <summary>The layer.</summary>
    public Node Node { get; }

    /// <summary>Which of the layer's operands the weight is.</summary>
    public int Index { get; }

    /// <summary>The weight: a float constant, or the int8 constant behind a DequantizeLinear.</summary>
    public Value Constant { get; }

    /// <summary>
    /// The axis of the output channels: 0 for Conv and for Gemm weights stored (K, C), 1 for ConvTranspose and for weights stored (C, K). Null for a vector, which has none.
    /// </summary>
    public int? OutputAxis { get; }

    /// <summary>The axis that is summed over.</summary>
    public int ReductionAxis { get; }

    /// <summary>Convolution groups; 1 for matrix products.</summary>
    public int Groups { get; }

    /// <summary>The weight's sizes.</summary>
    public Shape Shape => Constant.Type.ToShape();

    /// <summary>The number of output channels.</summary>
    public int Outputs => OutputAxis is { } axis ? Shape[axis] : 1;

    /// <summary>Input channels that are summed over for one output: those of one group.</summary>
    public int Reduction => Node.Op is ConvTranspose ? Shape[ReductionAxis] / Groups : Shape[ReductionAxis];

    /// <summary>The weight along its reduction axis, as 2:4 sparsity sees it.</summary>
    public ReductionLayout Layout => ReductionLayout.Of(Shape, ReductionAxis);

    /// <summary>The weight of <paramref name="node"/>, or null when the node is no Conv, ConvTranspose, Gemm or MatMul or none of its operands is constant.</summary>
    public static WeightOperand? Of(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return node.Op switch
        {
            Conv conv => Find(node, 1, _ => (0, 1), conv.Groups),
            ConvTranspose conv => Find(node, 1, _ => (1, 0), conv.Groups),
            Gemm gemm => Find(node, 1, _ => gemm.TransB ? (0, 1) : (1, 0), 1) ?? Find(node, 0, _ => gemm.TransA ? (1, 0) : (0, 1), 1),
            MatMul => Find(node, 1, RightAxes, 1) ?? Find(node, 0, LeftAxes, 1),
            _ => null,
        };
    }

    /// <summary>The constant that <paramref name="value"/> is, or that QuantizeLinear and DequantizeLinear make it from; null when there is none.</summary>
    public static Value? ConstantBehind(Value? value)
    {
        while (value is { Constant: null, Producer: { Op: QuantizeLinear or DequantizeLinear } producer }) value = producer.Input(0);
        return value?.Constant is null ? null : value;
    }

    private static WeightOperand? Find(Node node, int index, Func<int, (int? Output, int Reduction)> axesOfRank, int groups)
    {
        if (ConstantBehind(node.Input(index)) is not { } constant || constant.Type.Rank == 0) return null;
        var (output, reduction) = axesOfRank(constant.Type.Rank);
        return new WeightOperand(node, index, constant, output, reduction, groups);
    }

    // MatMul's right operand is [..., C, K] or [C], its left one [..., K, C] or [C].
    private static (int? Output, int Reduction) RightAxes(int rank) => rank == 1 ? (null, 0) : (rank - 1, rank - 2);

    private static (int? Output, int Reduction) LeftAxes(int rank) => rank == 1 ? (null, 0) : (rank - 2, rank - 1);
}
