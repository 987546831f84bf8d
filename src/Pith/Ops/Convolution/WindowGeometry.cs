namespace Pith.Ops;

/// <summary>
/// A window over three spatial axes, so that the loops are written once for 1, 2 and 3 dimensions: missing outer axes have size 1.
/// </summary>
internal readonly record struct WindowGeometry(WindowAxis Depth, WindowAxis Height, WindowAxis Width)
{
    public static WindowGeometry Of(ValueList<WindowAxis> axes) => new(
        axes.Count > 2 ? axes[^3] : WindowAxis.Trivial,
        axes.Count > 1 ? axes[^2] : WindowAxis.Trivial,
        axes[^1]);

    public int InputLength => Depth.Input * Height.Input * Width.Input;

    public int OutputLength => Depth.Output * Height.Output * Width.Output;

    public int KernelLength => Depth.Kernel * Height.Kernel * Width.Kernel;

    /// <summary>A 1x1 window that visits every element sees the plane as one long row.</summary>
    public WindowGeometry MergedWhenPointwise()
    {
        foreach (var axis in (ReadOnlySpan<WindowAxis>)[Depth, Height, Width])
            if (axis.Kernel != 1 || axis.Stride != 1 || axis.PadBegin != 0 || axis.PadEnd != 0) return this;
        return new(WindowAxis.Trivial, WindowAxis.Trivial, WindowAxis.Trivial with { Input = InputLength, Output = OutputLength });
    }

    /// <summary>Every run of windows along the width that one element of the window meets inside the input, ordered by that element.</summary>
    public WindowRow[] Rows()
    {
        var rows = new List<WindowRow>();
        var tap = 0;
        for (var r = 0; r < Depth.Kernel; r++)
        for (var s = 0; s < Height.Kernel; s++)
        for (var t = 0; t < Width.Kernel; t++, tap++)
        {
            var (depths, heights, widths) = (Depth.OutputsInside(r), Height.OutputsInside(s), Width.OutputsInside(t));
            if (widths.From == widths.To) continue;
            for (var d = depths.From; d < depths.To; d++)
            for (var h = heights.From; h < heights.To; h++)
            {
                var output = (d * Height.Output + h) * Width.Output + widths.From;
                var input = (Depth.InputAt(d, r) * Height.Input + Height.InputAt(h, s)) * Width.Input + Width.InputAt(widths.From, t);
                rows.Add(new WindowRow(tap, output, input, widths.To - widths.From));
            }
        }
        return [.. rows];
    }
}

/// <summary>
/// A run of <paramref name="Count"/> windows along the width whose element <paramref name="Tap"/> lies inside the input: offsets into the planes of the output
/// and of the input, where the next window is one element and one stride further.
/// </summary>
internal readonly record struct WindowRow(int Tap, int Output, int Input, int Count);
