using Pith.Ops;

namespace Pith.Building;

/// <summary>The layouts that unfused ops are run in. An op that is not listed gets row-major operands; a wrong line costs speed only, because the reference tactic converts.</summary>
internal static class OpLayouts
{
    public static LayoutRule Of(Node node) => node.Op switch
    {
        // The result is weights [K, C / groups, R, S].
        ConvWeightGradient => LayoutRule.ChannelsLast(rowMajorOutputs: [0]),
        MaxPoolGradient or AveragePoolGradient or GlobalAveragePoolGradient => LayoutRule.ChannelsLast(),
        // Sums over everything but the channels.
        ReduceSum { KeepDims: false } sum when node.Input(0)!.Type.Rank == 4 && sum.Axes.SequenceEqual([0, 2, 3]) => LayoutRule.ChannelsLast(),
        // Images whose channels stay together are copied pixel by pixel.
        // What the caller reads is joined in the layout that it has.
        InterleavePhases when node.Output is { IsGraphOutput: true, Uses.Count: 0 } output && output.Type.DataType.SizeInBytes() == sizeof(uint) => LayoutRule.Of(Layout.ChannelsLast, Layout.RowMajor),
        InterleavePhases => LayoutRule.ChannelsLast(),
        DepthToSpace or SpaceToDepth or Resize => LayoutRule.Agnostic,
        Slice or Split when node.Output.Type.Rank == 4 => LayoutRule.Agnostic,
        Concat when node.Inputs.All(input => input!.Type.Rank == node.Output.Type.Rank && !input.Type.DataType.IsQuantized()) => LayoutRule.Agnostic,
        // Channels are innermost then.
        SoftmaxOp { FlattensTrailingAxes: false, Axis: 1 } when node.Output.Type.Rank > 2 => LayoutRule.ChannelsLast(),
        RepeatChannels => node.Output.Type.Rank is 2 or 4 ? LayoutRule.ChannelsLast() : LayoutRule.RowMajor,
        Cast when node.Inputs[0]!.Type.DataType.IsFloat() && node.Output.Type.DataType.IsFloat() => LayoutRule.Agnostic,
        // The channels of 8-bit images cannot be padded in place.
        Pad pad when node.Output.Type.Rank == 4 && (!node.Output.Type.DataType.IsQuantized() || (node.Input(1)!.Constant is { } amounts && pad.PadsPerAxis(amounts.ToInt64s(), 4)[1] == (0, 0))) => LayoutRule.Agnostic,
        UnaryOp or BinaryOp or PRelu or Clip or UnaryGradient or ClipGradient when node.Inputs.All(input => input is null || KeepsAxes(input, node.Output)) => LayoutRule.Agnostic,
        FakeQuantizeGradient { BlockSize: 0 } gradient when gradient.Axis == 0 || node.Input(2)!.Constant is { Length: 1 } => LayoutRule.Agnostic,
        LearnedScaleGradient gradient when gradient.Axis == 0 || node.Output.Type.Dims.All(dim => dim == 1) => LayoutRule.Agnostic,
        _ => LayoutRule.RowMajor,
    };

    // Element-wise ops work in any layout as long as every operand's axes are those of the result: the same rank, a single element, or a constant, which is given the rank.
    private static bool KeepsAxes(Value input, Value output) =>
        input.Type.Rank == output.Type.Rank || input.Constant is not null;
}
