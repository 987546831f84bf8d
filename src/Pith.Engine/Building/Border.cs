namespace Pith.Building;

/// <summary>
/// Pixels of one value that surround every image of a slot in memory, so that convolutions read their padding where it lies instead of copying the image. The engine writes them before the layer
/// that fills the slot runs.
/// </summary>
/// <param name="Top">Rows above.</param>
/// <param name="Left">Columns on the left.</param>
/// <param name="Bottom">Rows below.</param>
/// <param name="Right">Columns on the right.</param>
/// <param name="Value">Every byte of the border: the stored zero point of the values.</param>
internal readonly record struct Border(int Top, int Left, int Bottom, int Right, byte Value)
{
    public bool IsEmpty => (Top | Left | Bottom | Right) == 0;

    /// <summary>Whether the padding of a window lies within the border.</summary>
    public bool Covers(Window window) => window.PadTop <= Top && window.PadLeft <= Left && window.PadBottom <= Bottom && window.PadRight <= Right;

    /// <summary>The smallest border around both.</summary>
    public Border Union(Border other) => new(Math.Max(Top, other.Top), Math.Max(Left, other.Left), Math.Max(Bottom, other.Bottom), Math.Max(Right, other.Right), Value);
}
