using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Kernels.Simd;

namespace Pith.Tactics;

/// <summary>
/// How a weight gradient is cut for emitted kernels: slices of input channels by output channels, whose sums stay in the second-level cache while pixels pass, panels of a slice, of which a kernel multiplies one with one,
/// and partial sums over parts of the pixels, which are added in order. All of that follows from the shape alone, so threads do not change the bits. A partial sum of a slice is [taps][input channels][output channels, in whole vectors].
/// </summary>
internal sealed unsafe class WeightGradientSlices
{
    private const int MostChannels = 64, MostVectors = 4;

    // Of a slice of a pointwise convolution on either side: its operands are copied, and pixels whose channels are many lie in pages of their own.
    private const int MostPanels = 4;

    // Enough for the threads of most machines. Each partial sum is written and read again.
    private const int Parts = 16;

    // Input channels of a part of the reduction.
    private const int ReducedChannels = 16;

    private readonly int _channels, _outChannels, _taps, _channelSlices, _outSlices;

    /// <param name="channels">Input channels of a group.</param>
    /// <param name="outChannels">Output channels of a group.</param>
    /// <param name="taps">Taps of the window.</param>
    /// <param name="groups">Groups.</param>
    public WeightGradientSlices(int channels, int outChannels, int taps, int groups)
    {
        (_channels, _outChannels, _taps) = (channels, outChannels, taps);
        // Whole vectors of input channels where there are any: transforms take them so.
        var unit = channels % PanelShape.Lanes == 0 ? PanelShape.Lanes : 1;
        var panels = taps == 1 ? MostPanels : 1;
        PanelChannels = EvenParts.Length(channels / unit, MostChannels / unit) * unit;
        Channels = PanelChannels * EvenParts.Length(EvenParts.Count(channels, PanelChannels), panels);
        Vectors = EvenParts.Length(EvenParts.Count(outChannels, PanelShape.Lanes), MostVectors);
        OutChannels = PanelOutChannels * EvenParts.Length(EvenParts.Count(outChannels, PanelOutChannels), panels);
        (_channelSlices, _outSlices) = (EvenParts.Count(channels, Channels), EvenParts.Count(outChannels, OutChannels));
        Count = groups * _channelSlices * _outSlices;
        MostPartials = EvenParts.Count(Parts, Count);
    }

    /// <summary>Input channels of a panel; the last of a group may have fewer.</summary>
    public int PanelChannels { get; }

    /// <summary>Input channels of a slice, whole panels; the last slice of a group may have fewer.</summary>
    public int Channels { get; }

    /// <summary>Vectors of 16 output channels of a panel.</summary>
    public int Vectors { get; }

    /// <summary>Output channels of a panel, stored or not.</summary>
    public int PanelOutChannels => Vectors * PanelShape.Lanes;

    /// <summary>Output channels of a slice, whole panels, stored or not.</summary>
    public int OutChannels { get; }

    /// <summary>Slices of all groups.</summary>
    public int Count { get; }

    /// <summary>The most partial sums.</summary>
    public int MostPartials { get; }

    /// <summary>Floats of a partial sum of a slice.</summary>
    public int SliceFloats => _taps * Channels * OutChannels;

    /// <summary>Bytes of all partial sums.</summary>
    public long Bytes => (long)MostPartials * Count * SliceFloats * sizeof(float);

    /// <summary>Parts of <see cref="Reduce"/>.</summary>
    public int ReduceParts => Count * EvenParts.Count(Channels, ReducedChannels);

    /// <summary>Bytes of scratch memory of a part of <see cref="Reduce"/>.</summary>
    public int ReduceBytes => ReducedChannels * _taps * OutChannels * sizeof(float);

    /// <summary>A slice by its number.</summary>
    public WeightGradientSlice this[int index]
    {
        get
        {
            var (rest, outSlice) = Math.DivRem(index, _outSlices);
            var (group, slice) = Math.DivRem(rest, _channelSlices);
            int first = slice * Channels, firstOut = outSlice * OutChannels;
            return new WeightGradientSlice(group, group * _channels + first, Math.Min(Channels, _channels - first), group * _outChannels + firstOut, Math.Min(OutChannels, _outChannels - firstOut));
        }
    }

    /// <summary>Adds the partial sums of a part, some input channels of a slice, and writes them as [K, C / groups, taps].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Reduce(float* sums, int partials, float* gradient, int part, float* scratch)
    {
        var (index, block) = Math.DivRem(part, EvenParts.Count(Channels, ReducedChannels));
        var slice = this[index];
        var (first, end) = (block * ReducedChannels, Math.Min((block + 1) * ReducedChannels, slice.Channels));
        if (first >= end) return;
        var partialFloats = (nint)Count * SliceFloats;
        float* from = sums + (nint)index * SliceFloats;
        for (var tap = 0; tap < _taps; tap++)
            for (var channel = first; channel < end; channel++)
            {
                float* row = from + ((nint)tap * Channels + channel) * OutChannels, to = scratch + ((nint)(channel - first) * _taps + tap) * OutChannels;
                for (var k = 0; k < OutChannels; k += PanelShape.Lanes)
                {
                    var sum = Vector512.Load(row + k);
                    for (var partial = 1; partial < partials; partial++) sum += Vector512.Load(row + k + partial * partialFloats);
                    sum.Store(to + k);
                }
            }
        var target = gradient + ((nint)slice.FirstOut * _channels + slice.First - slice.Group * _channels + first) * _taps;
        TransposedCopy.Run<float>((byte*)scratch, OutChannels * sizeof(float), (byte*)target, (nint)_channels * _taps * sizeof(float), (nint)(end - first) * _taps, slice.OutChannels);
    }
}

/// <summary>A part of a weight gradient.</summary>
/// <param name="Group">The group.</param>
/// <param name="First">The first input channel, counted over all groups.</param>
/// <param name="Channels">Input channels.</param>
/// <param name="FirstOut">The first output channel, counted over all groups.</param>
/// <param name="OutChannels">Output channels that are stored.</param>
internal readonly record struct WeightGradientSlice(int Group, int First, int Channels, int FirstOut, int OutChannels);
