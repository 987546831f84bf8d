namespace Pith.Kernels.Simd;

/// <summary>Neighbouring outputs of one axis that read the same taps inside the input.</summary>
internal struct TapSegment
{
    /// <summary>First output.</summary>
    public int Output;

    /// <summary>Number of outputs.</summary>
    public int Outputs;

    /// <summary>First tap that lies inside the input.</summary>
    public int Tap;

    /// <summary>Number of taps inside.</summary>
    public int Taps;

    /// <summary>Largest number of segments of an axis of <paramref name="taps"/> taps: each tap's range of outputs begins once and ends once.</summary>
    public static int MaxCount(int taps) => 2 * taps + 1;

    /// <summary>Cuts outputs [<paramref name="begin"/>, <paramref name="end"/>) of an axis of <paramref name="length"/> inputs; returns the number of segments.</summary>
    public static unsafe int Cut(in TapAxis axis, int length, int begin, int end, TapSegment* segments)
    {
        var count = 0;
        for (var output = begin; output < end; output++)
        {
            var first = axis.First(output);
            var tap = first >= 0 ? 0 : Math.Min((-first + axis.Step - 1) / axis.Step, axis.Count);
            var last = first >= length ? 0 : Math.Min((length - 1 - first) / axis.Step + 1, axis.Count);
            var taps = Math.Max(0, last - tap);
            if (count > 0 && segments[count - 1].Tap == tap && segments[count - 1].Taps == taps) segments[count - 1].Outputs++;
            else segments[count++] = new TapSegment { Output = output, Outputs = 1, Tap = tap, Taps = taps };
        }
        return count;
    }
}
