using Pith.Ops;

namespace Pith;

/// <summary>
/// The weight of a layer: the operand that is constant, the meaning of its axes, and the tensor that a file stores for it. Between the two there may be quantization, a Transpose, a Reshape, an Identity or a Cast;
/// this is the one place that looks through them, for pruning, checks, quantization and <see cref="GraphSummary"/> alike.
/// </summary>
public sealed class WeightOperand
{
    private WeightOperand(Node node, int index, Value constant, int? outputAxis, int reductionAxis, int groups) =>
        (Node, Index, Constant, OutputAxis, ReductionAxis, Groups) = (node, index, constant, outputAxis, reductionAxis, groups);

    /// <summary>The layer.</summary>
    public Node Node { get; }

    /// <summary>Which of the layer's operands the weight is.</summary>
    public int Index { get; }

    /// <summary>The weight as it is stored: floats, or integers that a DequantizeLinear reads. Its shape may be another one than <see cref="Shape"/>; <see cref="Layout"/> is where the reduction lies in it.</summary>
    public Value Constant { get; }

    /// <summary>
    /// The axis of the output channels in <see cref="Shape"/>: 0 for Conv and for Gemm weights (K, C), 1 for ConvTranspose and for weights (C, K). Null for a vector, which has none.
    /// </summary>
    public int? OutputAxis { get; }

    /// <summary>The axis of <see cref="Shape"/> that is summed over.</summary>
    public int ReductionAxis { get; }

    /// <summary>Convolution groups; 1 for matrix products.</summary>
    public int Groups { get; }

    /// <summary>The weight's sizes as the layer reads it.</summary>
    public Shape Shape => Operand.Type.ToShape();

    /// <summary>The number of output channels.</summary>
    public int Outputs => OutputAxis is { } axis ? Shape[axis] : 1;

    /// <summary>Input channels that are summed over for one output: those of one group.</summary>
    public int Reduction => Node.Op is ConvTranspose ? Shape[ReductionAxis] / Groups : Shape[ReductionAxis];

    /// <summary>
    /// <see cref="Constant"/> along the reduction axis, as 2:4 sparsity sees it. Null when the ops between take that axis apart, so that its elements have no common distance in the stored tensor.
    /// </summary>
    public ReductionLayout? Layout => WeightPath.AtOrigin(Operand, ReductionLayout.Of(Shape, ReductionAxis));

    /// <summary>Output channels of one convolution group, as far as they lie along <see cref="OutputAxis"/>; all for matrix products.</summary>
    public int OutputsPerGroup => Node.Op is Conv ? Outputs / Groups : Outputs;

    /// <summary>
    /// <see cref="Constant"/> along its reduction axis and its output channels, as V:2:4 sparsity sees it. Null when the ops between take one of the two axes apart.
    /// </summary>
    public WeightAxes? StoredLayout
    {
        get
        {
            if (Layout is not { } reduction) return null;
            if (OutputAxis is not { } axis || Outputs == 1) return new WeightAxes(reduction);
            return WeightPath.AtOrigin(Operand, ReductionLayout.Of(Shape, axis)) is { } outputs ? new WeightAxes(reduction, Outputs, outputs.Inner, OutputsPerGroup) : null;
        }
    }

    /// <summary>The weight as the layer reads it, along its reduction axis and its output channels.</summary>
    public WeightAxes OperandLayout => WeightAxes.Of(Shape, ReductionAxis, OutputAxis, OutputsPerGroup);

    /// <summary>Whether the weight goes through a DequantizeLinear.</summary>
    public bool IsQuantized
    {
        get
        {
            for (var value = Operand; value.Producer is { } producer; value = producer.Inputs[0]!)
                if (producer.Op is DequantizeLinear) return true;
            return false;
        }
    }

    private Value Operand => Node.Inputs[Index]!;

    /// <summary>
    /// The weight that the layer computes with, in <see cref="Shape"/>: rounded where the graph rounds it. Computed at each call when ops lie between; null when one of them reads something that is not constant.
    /// </summary>
    public Tensor? Effective() => Evaluate(Operand);

    /// <summary>The tensor of a value that is constant, or that comes from constants by ops that weights go through on their way to a layer; null for others.</summary>
    public static Tensor? Evaluate(Value value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return WeightPath.Evaluate(value);
    }

    /// <summary>A node that reads the constant of one of <paramref name="weights"/> as something other than the weight of these layers, so that changing the constant changes more than the layers; null when there is none.</summary>
    /// <param name="constant">The constant.</param>
    /// <param name="weights">All weights of the graph.</param>
    public static Node? OtherReader(Value constant, IEnumerable<WeightOperand> weights)
    {
        ArgumentNullException.ThrowIfNull(constant);
        var uses = weights.Select(weight => new Use(weight.Node, weight.Index)).ToHashSet();
        return WeightPath.OtherReader(constant, uses.Contains);
    }

    /// <summary>The weight of <paramref name="node"/>, or null when the node is not a Conv, ConvTranspose, Gemm or MatMul or none of its operands is constant.</summary>
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

    /// <summary>The constant that <paramref name="value"/> is, or that it comes from by quantization, conversion and movement of elements; null when there is none.</summary>
    public static Value? ConstantBehind(Value? value) => WeightPath.Origin(value);

    private static WeightOperand? Find(Node node, int index, Func<int, (int? Output, int Reduction)> axesOfRank, int groups)
    {
        if (node.Input(index) is not { Type: { IsStatic: true, Rank: > 0 } type } operand || WeightPath.Origin(operand) is not { } constant) return null;
        var (output, reduction) = axesOfRank(type.Rank);
        return new WeightOperand(node, index, constant, output, reduction, groups);
    }

    // MatMul's right operand is [..., C, K] or [C], its left one [..., K, C] or [C].
    private static (int? Output, int Reduction) RightAxes(int rank) => rank == 1 ? (null, 0) : (rank - 1, rank - 2);

    private static (int? Output, int Reduction) LeftAxes(int rank) => rank == 1 ? (null, 0) : (rank - 2, rank - 1);
}
