namespace Pith.Compression.Data;

/// <summary>How an image is moved while it is written: augmentation by crop and flip.</summary>
/// <param name="X">Columns by which the content moves to the left; what comes in from outside is black.</param>
/// <param name="Y">Rows by which the content moves up.</param>
/// <param name="Mirrored">Whether left and right are exchanged (after moving).</param>
internal readonly record struct PixelShift(int X, int Y, bool Mirrored)
{
    public static PixelShift None => default;

    /// <summary>The columns of the moved image, before mirroring, that do not come from outside.</summary>
    public (int First, int End) ColumnsInside(int width) => (Math.Clamp(-X, 0, width), Math.Clamp(width - X, 0, width));

    /// <summary>Moves planes of values that need no preprocessing; what comes in from outside is 0.</summary>
    /// <param name="from">[C, H, W].</param>
    /// <param name="shape">C, H, W.</param>
    /// <param name="to">[C, H, W].</param>
    public void Move(ReadOnlySpan<float> from, ImageShape shape, Span<float> to)
    {
        to.Clear();
        var (first, end) = ColumnsInside(shape.Width);
        for (var plane = 0; plane < shape.Channels; plane++)
            for (var y = Math.Max(0, -Y); y < Math.Min(shape.Height, shape.Height - Y); y++)
            {
                var row = to.Slice((plane * shape.Height + y) * shape.Width, shape.Width);
                if (end > first) from.Slice((plane * shape.Height + y + Y) * shape.Width + first + X, end - first).CopyTo(row[first..]);
                if (Mirrored) row.Reverse();
            }
    }
}
