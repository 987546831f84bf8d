using Pith.Building;

namespace Pith.Runtime;

/// <summary>Writes the <see cref="Border"/> of a slot.</summary>
internal static unsafe class BorderRows
{
    /// <summary>What is left and right of rows [<paramref name="first"/>, <paramref name="end"/>) of an image, above its first row and below its last.</summary>
    public static void Write(Slot slot, RunState state, int image, int first, int end)
    {
        var (border, pixel, rowBytes) = (slot.Border, slot.PixelBytes, slot.RowBytes);
        nint left = border.Left * pixel, right = border.Right * pixel;
        var row = state.Address(slot) + slot.PixelOffset(image, first, 0) - left;
        var above = first == 0 ? border.Top * rowBytes : 0;
        Fill(row - above, above + left, border.Value);
        // The right border of a row and the left one of the next are one run of bytes.
        for (var y = first + 1; y < end; y++, row += rowBytes) Fill(row + rowBytes - right, right + left, border.Value);
        Fill(row + rowBytes - right, right + (end == slot.Height ? border.Bottom * rowBytes : 0), border.Value);
    }

    private static void Fill(byte* start, nint bytes, byte value) => new Span<byte>(start, (int)bytes).Fill(value);
}
