namespace Pith.Kernels.Simd;

/// <summary>
/// How a weight gradient is cut. The sum over all output pixels is split into <see cref="Partials"/> sums that are added in order at the end;
/// their number depends on the shape only, so the result depends neither on the number of threads nor on the vector width.
/// </summary>
internal readonly struct ConvWeightGradBlocking
{
    private const int MaxPartials = 16;
    private const long MaxPartialFloats = 1 << 20;
    private const int TargetItems = 16;
    private const int MinSliceChannels = 32;
    private const int TargetBandBytes = 48 << 10;
    private const int MinBandPixels = 128;

    /// <summary>Output rows, over all images, that a pass takes together.</summary>
    public int BandRows { get; }

    /// <summary>Number of bands.</summary>
    public int Bands { get; }

    /// <summary>Number of partial sums.</summary>
    public int Partials { get; }

    /// <summary>Input channels of a slice (the last may have fewer); slices are computed independently.</summary>
    public int SliceChannels { get; }

    /// <summary>Slices of a group.</summary>
    public int Slices { get; }

    /// <summary>Output channels of a group, rounded up to whole vectors.</summary>
    public int PaddedOut { get; }

    /// <summary>Floats of one partial sum over all groups.</summary>
    public nint PartialFloats { get; }

    /// <summary>Number of work items.</summary>
    public int Items { get; }

    public ConvWeightGradBlocking(in TapConv conv, int lanes)
    {
        int channels = conv.GroupIn, taps = conv.H.Count * conv.W.Count, width = Math.Max(1, conv.Out.Width);
        var rows = Math.Max(1, conv.Out.Images * conv.Out.Height);
        PaddedOut = PanelPacking.PaddedOutputs(conv.GroupOut, lanes);
        PartialFloats = (nint)conv.Groups * taps * channels * PaddedOut;

        var rowBytes = ((long)conv.GroupOut + channels * conv.W.Stride * conv.H.Stride) * width * sizeof(float);
        var fewest = (MinBandPixels + width - 1) / width;
        BandRows = (int)Math.Clamp(TargetBandBytes / rowBytes, Math.Min(fewest, rows), rows);
        Bands = (rows + BandRows - 1) / BandRows;

        var weights = (long)conv.Groups * taps * channels * conv.GroupOut;
        Partials = (int)Math.Clamp(MaxPartialFloats / Math.Max(1, weights), 1, Math.Min(MaxPartials, Bands));
        Slices = 1;
        while (Partials * conv.Groups * Slices < TargetItems && channels / (Slices * 2) >= MinSliceChannels) Slices *= 2;
        SliceChannels = (channels + Slices - 1) / Slices;
        Slices = (channels + SliceChannels - 1) / SliceChannels;
        Items = Partials * conv.Groups * Slices;
    }

    /// <summary>First row of the partial sum's bands and the row after its last.</summary>
    public (int Begin, int End) RowsOf(int partial, int rows)
    {
        var begin = (int)((long)Bands * partial / Partials) * BandRows;
        var end = (int)((long)Bands * (partial + 1) / Partials) * BandRows;
        return (Math.Min(begin, rows), Math.Min(end, rows));
    }
}
