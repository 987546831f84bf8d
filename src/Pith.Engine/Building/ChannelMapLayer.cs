using Pith.Kernels;

namespace Pith.Building;

/// <summary>Where a channel of a result comes from.</summary>
/// <param name="Input">Which operand.</param>
/// <param name="Channel">Its channel.</param>
internal readonly record struct ChannelSource(int Input, int Channel);

/// <summary>Concat, Split, Slice and shuffles of channels in one: each channel of each result is a channel of an operand, pixel by pixel. All operands and results have one layout and, if they are 8-bit, one quantization.</summary>
internal sealed class ChannelMapLayer : Layer
{
    /// <summary>For each result the source of each channel.</summary>
    public required ValueList<ChannelSource>[] Sources { get; init; }

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Concat, $"{string.Join(' ', Inputs.Select(input => $"{input!.Shape.At(maxBatch)}"))} > {string.Join(' ', Outputs.Select((output, i) => $"{output.Shape.At(maxBatch)}:{Fingerprint(Sources[i]):x}"))}{(Output.Layout == Layout.ChannelsLast ? "/nhwc" : "")}");

    // Equal for equal maps: layers are told apart by their text.
    private static uint Fingerprint(ValueList<ChannelSource> sources)
    {
        var hash = 2166136261u;
        foreach (var source in sources) hash = ((hash ^ (uint)source.Input) * 16777619 ^ (uint)source.Channel) * 16777619;
        return hash;
    }
}
