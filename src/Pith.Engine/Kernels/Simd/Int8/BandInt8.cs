using Pith.Kernels.Simd;

namespace Pith.Kernels.Int8;

/// <summary>
/// The input side of an INT8 convolution over padded NHWC bytes: the output's rows are cut into bands, and each band reads the input where it lies or, when windows reach over the border,
/// a padded copy of the rows it needs. Pointwise convolutions of dense images see all pixels of all images as one column of one-pixel rows.
/// </summary>
internal unsafe struct BandInt8
{
    public byte* Input;
    public int Height;
    public int Width;

    /// <summary>Bytes of an input pixel.</summary>
    public int PixelBytes;

    /// <summary>Bytes from row to row of the input.</summary>
    public nint RowBytes;

    /// <summary>Bytes from image to image of the input.</summary>
    public nint ImageBytes;

    /// <summary>Whether windows reach over what lies in memory, so that bands are copied; otherwise padding is there to be read.</summary>
    public bool NeedsCopy;

    /// <summary>The stored zero point of the input, which padding consists of.</summary>
    public byte ZeroPoint;

    public int OutHeight;
    public int OutWidth;
    public Window Window;

    /// <summary>Output rows of a band.</summary>
    public int Rows;

    public readonly int Count => (OutHeight + Rows - 1) / Rows;

    /// <summary>Whether all pixels of all images are seen as one column of one-pixel rows.</summary>
    public bool IsFlat;

    /// <summary>Output rows of band <paramref name="band"/>; the last may have fewer.</summary>
    public readonly int RowsOf(int band) => Math.Min(Rows, OutHeight - band * Rows);

    /// <summary>Columns of input that the windows of a row of outputs cover.</summary>
    public readonly int CopyColumns => (OutWidth - 1) * Window.StrideWidth + (Window.KernelWidth - 1) * Window.DilationWidth + 1;

    /// <summary>Rows of input that the windows of <paramref name="rows"/> rows of outputs cover.</summary>
    public readonly int CopyRows(int rows) => (rows - 1) * Window.StrideHeight + (Window.KernelHeight - 1) * Window.DilationHeight + 1;

    /// <summary>Bytes from one row of the source to the next: those of the copy, or the input's own.</summary>
    public readonly nint SourceRowBytes => NeedsCopy ? (nint)CopyColumns * PixelBytes : RowBytes;

    /// <summary>Scratch memory for <see cref="Open"/>: offsets, then the copy. Kernels may load a whole vector at the last byte.</summary>
    public readonly long ScratchBytes => OffsetBytes + (NeedsCopy ? (long)CopyRows(Rows) * CopyColumns * PixelBytes + 64 : 0);

    private readonly long OffsetBytes => ((long)Rows * OutWidth * sizeof(nint) + 63) & -64;

    /// <summary>Makes a band of an image ready.</summary>
    /// <returns>Where offsets count from, and for each output pixel the offset of its window.</returns>
    public readonly (nint Source, nint Offsets) Open(int image, int band, byte* scratch)
    {
        var offsets = (nint*)scratch;
        nint rowStride = Window.StrideHeight * SourceRowBytes, stride = (nint)Window.StrideWidth * PixelBytes;
        var rows = RowsOf(band);
        for (var y = 0; y < rows; y++)
            for (var x = 0; x < OutWidth; x++) *offsets++ = y * rowStride + x * stride;

        var first = band * Rows * Window.StrideHeight;
        var source = Input + image * ImageBytes;
        if (!NeedsCopy) return ((nint)(source + (first - Window.PadTop) * RowBytes - Window.PadLeft * PixelBytes), (nint)scratch);
        var copy = scratch + OffsetBytes;
        var padded = new PaddedCopy { Image = source, Height = Height, Width = Width, PixelBytes = PixelBytes, PixelStride = PixelBytes, RowStride = RowBytes, Padding = ZeroPoint };
        padded.Run(first - Window.PadTop, CopyRows(rows), -Window.PadLeft, CopyColumns, copy);
        return ((nint)copy, (nint)scratch);
    }

    /// <summary>Bytes from a window's start to the tap in row <paramref name="r"/> and column <paramref name="s"/>.</summary>
    public readonly nint TapOffset(int r, int s) => r * Window.DilationHeight * SourceRowBytes + (nint)s * Window.DilationWidth * PixelBytes;
}
