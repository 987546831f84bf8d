using Pith.Ops;

namespace Pith;

/// <summary>Where the output channels lie in the weight of a convolution or Gemm.</summary>
internal sealed class WeightLayout
{
    private readonly Shape _shape;
    private readonly int _groups;

    private WeightLayout(WeightOperand weight, int channelAxis)
    {
        _shape = weight.Shape;
        ChannelAxis = channelAxis;
        // ConvTranspose's weight is [C, M/groups, kernel...]: the input channel says the group. Conv's has all output channels in one axis.
        _groups = weight.Node.Op is ConvTranspose ? weight.Groups : 1;
    }

    /// <summary>The weight's axis that runs over output channels.</summary>
    public int ChannelAxis { get; }

    /// <summary>The number of output channels.</summary>
    public int Channels => _shape[ChannelAxis] * _groups;

    /// <summary>False when channels of different groups share an index of <see cref="ChannelAxis"/>, so that one scale per index cannot tell them apart.</summary>
    public bool HasIndexPerChannel => _groups == 1;

    /// <summary>The layout of operand 1 of <paramref name="node"/>; null when the op has no place for a bias or the weight is computed.</summary>
    public static WeightLayout? Of(Node node) =>
        node.Op is Conv or ConvTranspose or Gemm && WeightOperand.Of(node) is { Index: 1, OutputAxis: { } axis } weight ? new WeightLayout(weight, axis) : null;

    /// <summary>The layout of the constant matrix that is operand 1 of a MatMul; null when there is none.</summary>
    public static WeightLayout? OfProduct(Node node) =>
        node.Op is MatMul && WeightOperand.Of(node) is { Index: 1, OutputAxis: { } axis, Shape.Rank: 2 } weight ? new WeightLayout(weight, axis) : null;

    /// <summary>The output channel that element <paramref name="element"/> of the weight belongs to.</summary>
    public int ChannelOf(int element)
    {
        var index = element / _shape.LengthOf(ChannelAxis + 1, _shape.Rank) % _shape[ChannelAxis];
        if (_groups == 1) return index;
        var group = element / _shape.LengthOf(1, _shape.Rank) / (_shape[0] / _groups);
        return group * _shape[ChannelAxis] + index;
    }
}
