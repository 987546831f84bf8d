namespace Pith.Kernels.Int8;

/// <summary>
/// The input side of an INT8 convolution over padded NHWC bytes: the output's rows are cut into bands, and each band reads the input where it lies or, when windows reach over the border,
/// a padded copy of the rows it needs. Pointwise convolutions see all pixels of all images as one column of one-pixel rows.
/// </summary>
internal unsafe struct BandInt8
{
    public byte* Input;
    public int Height;
    public int Width;

    /// <summary>Bytes of an input pixel.</summary>
    public int PixelBytes;

    /// <summary>The stored zero point of the input, which padding consists of.</summary>
    public byte ZeroPoint;

    public int OutHeight;
    public int OutWidth;
    public Window Window;

    /// <summary>Output rows of a band.</summary>
    public int Rows;

    public readonly int Count => (OutHeight + Rows - 1) / Rows;

    public readonly bool IsPointwise => Window == Window.Point;

    /// <summary>Output rows of band <paramref name="band"/>; the last may have fewer.</summary>
    public readonly int RowsOf(int band) => Math.Min(Rows, OutHeight - band * Rows);

    /// <summary>Columns of input that the windows of a row of outputs cover.</summary>
    public readonly int CopyColumns => (OutWidth - 1) * Window.StrideWidth + (Window.KernelWidth - 1) * Window.DilationWidth + 1;

    /// <summary>Rows of input that the windows of <paramref name="rows"/> rows of outputs cover.</summary>
    public readonly int CopyRows(int rows) => (rows - 1) * Window.StrideHeight + (Window.KernelHeight - 1) * Window.DilationHeight + 1;

    /// <summary>Columns from one row of the source to the next: those of the copy, or the input's own.</summary>
    public readonly int SourceColumns => Window.IsPadded ? CopyColumns : Width;

    /// <summary>Scratch memory for <see cref="Open"/>: offsets, then the copy. Kernels may load a whole vector at the last byte.</summary>
    public readonly long ScratchBytes => OffsetBytes + (Window.IsPadded ? (long)CopyRows(Rows) * CopyColumns * PixelBytes + 64 : 0);

    private readonly long OffsetBytes => ((long)Rows * OutWidth * sizeof(nint) + 63) & -64;

    /// <summary>Makes a band of an image ready.</summary>
    /// <returns>Where offsets count from, and for each output pixel the offset of its window.</returns>
    public readonly (nint Source, nint Offsets) Open(int image, int band, byte* scratch)
    {
        var offsets = (nint*)scratch;
        nint rowStride = (nint)Window.StrideHeight * SourceColumns * PixelBytes, stride = (nint)Window.StrideWidth * PixelBytes;
        var rows = RowsOf(band);
        for (var y = 0; y < rows; y++)
            for (var x = 0; x < OutWidth; x++) *offsets++ = y * rowStride + x * stride;

        var first = band * Rows * Window.StrideHeight;
        var source = Input + (nint)image * Height * Width * PixelBytes;
        if (!Window.IsPadded) return ((nint)(source + (nint)first * Width * PixelBytes), (nint)scratch);
        var copy = scratch + OffsetBytes;
        var padded = new PaddedCopyInt8 { Image = source, Height = Height, Width = Width, PixelBytes = PixelBytes, ZeroPoint = ZeroPoint, PadLeft = Window.PadLeft, Columns = CopyColumns };
        padded.Run(first - Window.PadTop, CopyRows(rows), copy);
        return ((nint)copy, (nint)scratch);
    }

    /// <summary>Bytes from a window's start to the tap in row <paramref name="r"/> and column <paramref name="s"/>.</summary>
    public readonly nint TapOffset(int r, int s) => ((nint)r * Window.DilationHeight * SourceColumns + s * Window.DilationWidth) * PixelBytes;
}
