namespace Pith.Compression.Sparsity;

/// <summary>
/// Where the channels of a <see cref="ChannelClass"/> lie in a value: channel c is the <paramref name="Inner"/> consecutive indices from <paramref name="Start"/> + c * <paramref name="Inner"/> of an axis. A whole axis of channels is
/// (1, 0, 1); after a Concat they start further on, and after a Flatten of [N, C, H, W] each is H * W indices wide.
/// </summary>
/// <param name="Axis">The axis, from 0.</param>
/// <param name="Start">The first index of channel 0.</param>
/// <param name="Inner">Indices per channel.</param>
/// <param name="Power">The power of a channel's factor that its indices are multiplied by: 1, or -1 in weights that read the channels. Without meaning for orders.</param>
internal readonly record struct ChannelSegment(int Axis, int Start = 0, int Inner = 1, int Power = 1)
{
    /// <summary>The index after the last one of <paramref name="channels"/> channels.</summary>
    public int End(int channels) => Start + channels * Inner;

    /// <summary>
    /// The same channels after Reshape, Flatten, Squeeze or Unsqueeze, which keep the order of elements; null when the new shape takes them apart, or does not say.
    /// </summary>
    public ChannelSegment? Reshaped(TensorType from, TensorType to)
    {
        // What stands before the axis may be symbolic when it stays what it is.
        var (axis, size) = (Axis, from[Axis]);
        if (axis < to.Rank && Enumerable.Range(0, axis + 1).All(i => from[i] == to[i])) return this;
        if (!size.IsFixed || StrideOf(from, Axis) is not { } stride) return null;
        for (var other = 0; other < to.Rank; other++)
        {
            // The axis, or one that holds it and the axes after it: it repeats where the old one did.
            if (!to[other].IsFixed || StrideOf(to, other) is not { } step || step == 0 || to[other].Value * step != size.Value * stride) continue;
            if (Inner * stride % step == 0 && Start * stride % step == 0) return new ChannelSegment(other, (int)(Start * stride / step), (int)(Inner * stride / step), Power);
        }
        return null;
    }

    private static long? StrideOf(TensorType type, int axis)
    {
        long stride = 1;
        for (var i = axis + 1; i < type.Rank; i++)
        {
            if (!type[i].IsFixed) return null;
            stride *= type[i].Value;
        }
        return stride;
    }
}
