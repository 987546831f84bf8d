using System.Buffers.Binary;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Metadata;

namespace Pith.Compression.Data;

/// <summary>
/// Decodes the first frame of GIF (CompuServe, "GIF89a", 1990). The library leaves transparent pixels black; alpha is dropped here, so they keep their colour. A first frame that is smaller than
/// the canvas is placed on it, as Pillow does; the area around it gets the transparent colour, or colour 0 of the palette where there is none.
/// </summary>
internal sealed class GifFile
{
    private const int CanvasAt = 6, TablesAt = 13;
    private const int MaxLzwRatio = 4096 * 8 / 9; // a code has at least 9 bits (of the short ones there are few) and stands for at most 4096 pixels
    private const byte Extension = 0x21, GraphicControl = 0xF9, FrameDescriptor = 0x2C;

    private readonly byte[] _file;
    private readonly string _sourceName;
    private int _at, _frameAt, _globalTable = -1, _frameTable = -1, _transparencyFlagAt = -1;
    private byte _around;

    private GifFile(byte[] file, string sourceName) => (_file, _sourceName) = (file, sourceName);

    public static DecodedImage Decode(byte[] file, string sourceName, ImageDecodingOptions options) => new(new GifFile(file, sourceName).Decode(options.MaxPixels), ExifOrientation.None);

    private Image Decode(long maxPixels)
    {
        var (width, height) = (Word(CanvasAt), Word(CanvasAt + 2));
        ImageDecoder.CheckSize(width, height, _sourceName, maxPixels);
        _globalTable = SkipTable(CanvasAt + 4, TablesAt);
        var window = FindFrame();
        ImageDecoder.CheckSize(window.Width, window.Height, _sourceName, maxPixels);
        // A frame that extends beyond the canvas enlarges it.
        (width, height) = (Math.Max(width, window.Left + window.Width), Math.Max(height, window.Top + window.Height));
        ImageDecoder.CheckSize(width, height, _sourceName, maxPixels);
        ImageDecoder.CheckData(window.Width, window.Height, (long)window.Width * window.Height, _at - _frameAt, MaxLzwRatio, _sourceName);
        var frame = ImageSharpDecoder.Decode(Plain(), new GifDecoder { IgnoreMetadata = true, DecodingMode = FrameDecodingMode.First }, _sourceName);
        if ((frame.Width, frame.Height) != (window.Width, window.Height)) throw Cut();
        return (width, height) == (frame.Width, frame.Height) ? frame : OnCanvas(frame, window, width, height);
    }

    /// <summary>Goes to the first frame; its data must be there up to the end.</summary>
    private CropWindow FindFrame()
    {
        while (true)
        {
            var kind = Byte(_at++);
            if (kind == FrameDescriptor) break;
            if (kind != Extension) throw new PithException($"GIF '{_sourceName}' has no frame: found {kind:X2} where one should start. The file is damaged.");
            if (Byte(_at) == GraphicControl && Byte(_at + 1) >= 4 && (Byte(_at + 2) & 1) != 0) (_transparencyFlagAt, _around) = (_at + 2, Byte(_at + 5));
            _at++;
            SkipBlocks();
        }
        _frameAt = _at;
        var window = new CropWindow(Word(_at), Word(_at + 2), Word(_at + 4), Word(_at + 6));
        _frameTable = SkipTable(_at + 8, _at + 9);
        _at++; // the size of the first codes
        SkipBlocks();
        return window;
    }

    /// <summary>Skips a colour table of 2^(n + 1) entries, if the flags say that there is one.</summary>
    /// <returns>Where it starts; -1 when there is none.</returns>
    private int SkipTable(int flagsAt, int tableAt)
    {
        var flags = Byte(flagsAt);
        var isThere = (flags & 0x80) != 0;
        _at = tableAt + (isThere ? 3 << ((flags & 7) + 1) : 0);
        return isThere ? tableAt : -1;
    }

    private void SkipBlocks()
    {
        for (int length; (length = Byte(_at++)) != 0;) _at += length;
    }

    /// <summary>The file with a first frame that is the whole canvas and has no transparent colour.</summary>
    private byte[] Plain()
    {
        var copy = _file.ToArray();
        copy.AsSpan(_frameAt, 4).Clear();
        copy.AsSpan(_frameAt + 4, 4).CopyTo(copy.AsSpan(CanvasAt));
        if (_transparencyFlagAt >= 0) copy[_transparencyFlagAt] &= 0xFE;
        return copy;
    }

    private Image OnCanvas(Image frame, CropWindow window, int width, int height)
    {
        var table = _frameTable >= 0 ? _frameTable : _globalTable;
        var rgb = new byte[width * height * 3];
        for (var i = 0; i < rgb.Length; i++) rgb[i] = table < 0 ? (byte)0 : Byte(table + 3 * _around + i % 3);
        for (var y = 0; y < frame.Height; y++)
            frame.Pixels.Span.Slice(y * frame.Width * 3, frame.Width * 3).CopyTo(rgb.AsSpan(((window.Top + y) * width + window.Left) * 3));
        return new Image(width, height, 3, rgb);
    }

    private byte Byte(int at) => at < _file.Length ? _file[at] : throw Cut();

    private int Word(int at) => at + 2 <= _file.Length ? BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(at)) : throw Cut();

    private PithException Cut() => new($"GIF '{_sourceName}' is cut short: its {_file.Length} bytes do not hold the whole of the first frame. Fetch or export it again.");
}
