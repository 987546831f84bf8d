using Pith.Ops;

namespace Pith.Passes;

/// <summary>Where the output channels lie in the weight (operand 1) of a convolution or matrix product.</summary>
internal sealed class WeightLayout
{
    private readonly Shape _shape;
    private readonly int _groups;

    private WeightLayout(Shape shape, int channelAxis, int groups = 1)
    {
        _shape = shape;
        ChannelAxis = channelAxis;
        _groups = groups;
        Channels = shape[channelAxis] * groups;
    }

    /// <summary>The weight's axis that runs over output channels.</summary>
    public int ChannelAxis { get; }

    /// <summary>The number of output channels.</summary>
    public int Channels { get; }

    /// <summary>False when channels of different groups share an index of <see cref="ChannelAxis"/>, so that one scale per index cannot tell them apart.</summary>
    public bool HasIndexPerChannel => _groups == 1;

    /// <summary>The layout of <paramref name="node"/>'s weight; null when it is no such op or the weight's shape is not fixed.</summary>
    public static WeightLayout? Of(Node node)
    {
        if (node.Input(1) is not { Type.IsStatic: true } weight) return null;
        var shape = weight.Type.ToShape();
        return node.Op switch
        {
            Conv => new WeightLayout(shape, 0),
            // [C, M/groups, kernel...]: the input channel says the group.
            ConvTranspose transposed => new WeightLayout(shape, 1, transposed.Groups),
            Gemm gemm => new WeightLayout(shape, gemm.TransB ? 0 : 1),
            _ => null,
        };
    }

    /// <summary>The output channel that element <paramref name="element"/> of the weight belongs to.</summary>
    public int ChannelOf(int element)
    {
        var index = element / _shape.LengthOf(ChannelAxis + 1, _shape.Rank) % _shape[ChannelAxis];
        if (_groups == 1) return index;
        var group = element / _shape.LengthOf(1, _shape.Rank) / (_shape[0] / _groups);
        return group * _shape[ChannelAxis] + index;
    }
}
