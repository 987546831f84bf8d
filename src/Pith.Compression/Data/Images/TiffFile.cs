using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Metadata;

namespace Pith.Compression.Data;

/// <summary>
/// Decodes the first page of TIFF: strips, uncompressed or packed by LZW, Deflate, PackBits, CCITT or JPEG (whose samples may differ from libjpeg's by rounding). The library sees a directory with
/// what it needs for the pixels and nothing else. Where it deviates from TIFF 6.0, the result is corrected here.
/// </summary>
internal static class TiffFile
{
    private const int Width = 256, Height = 257, BitsPerSample = 258, Compression = 259, Photometric = 262, FillOrder = 266, StripOffsets = 273, SamplesPerPixel = 277, RowsPerStrip = 278, StripByteCounts = 279,
        PlanarConfiguration = 284, T4Options = 292, T6Options = 293, Predictor = 317, ColorMap = 320, TileWidth = 322, ExtraSamples = 338, SampleFormat = 339, JpegTables = 347,
        YCbCrCoefficients = 529, YCbCrSubSampling = 530, YCbCrPositioning = 531, ReferenceBlackWhite = 532;

    private const int BlackIsZero = 1, Contiguous = 1;

    private static readonly int[] s_pixelTags =
    [
        Width, Height, BitsPerSample, Compression, Photometric, FillOrder, StripOffsets, SamplesPerPixel, RowsPerStrip, StripByteCounts, PlanarConfiguration, T4Options, T6Options, Predictor, ColorMap,
        ExtraSamples, SampleFormat, JpegTables, YCbCrCoefficients, YCbCrSubSampling, YCbCrPositioning, ReferenceBlackWhite,
    ];

    public static DecodedImage Decode(byte[] file, string sourceName, ImageDecodingOptions options)
    {
        var directory = TiffDirectory.TryRead(file, out var problem) ?? throw new PithException($"TIFF '{sourceName}' cannot be read: {problem}. Fetch or export it again.");
        var (width, height) = (directory.Number(Width) ?? 0, directory.Number(Height) ?? 0);
        ImageDecoder.CheckSize(width, height, sourceName, options.MaxPixels);
        if (directory.Has(TileWidth)) throw new PithException($"TIFF '{sourceName}' is tiled, which is not supported. Convert it to PNG, or save it in strips.");
        // The library ignores this bit order, except in CCITT data.
        if (directory.Number(FillOrder) == 2 && !IsFax(directory)) throw new PithException($"TIFF '{sourceName}' has bits in reversed order (FillOrder 2), which is not supported. Convert it to PNG.");
        RequireWhole(file, directory, sourceName);
        CheckData(directory, width, height, sourceName);

        var samples = directory.Number(SamplesPerPixel) ?? 1;
        var numbers = new Dictionary<int, long>();
        if (!directory.Has(BitsPerSample)) numbers[BitsPerSample] = 1; // the default
        if (samples == 1) numbers[PlanarConfiguration] = Contiguous; // with one plane both are the same
        var hasAlphaAfterGrey = IsGreyAlpha(directory, samples);
        // Grey with alpha is decoded as grey of twice the width.
        if (hasAlphaAfterGrey) (numbers[Width], numbers[SamplesPerPixel], numbers[BitsPerSample]) = (2 * width, 1, directory.Number(BitsPerSample)!.Value);
        var tags = hasAlphaAfterGrey ? s_pixelTags.Except([ExtraSamples, SampleFormat]) : s_pixelTags;

        var image = ImageSharpDecoder.DecodeHighBytes(directory.Rewrite(tags, numbers), new TiffDecoder { IgnoreMetadata = true, DecodingMode = FrameDecodingMode.First }, sourceName);
        if (hasAlphaAfterGrey) image = EvenColumns(image);
        if (IsFax(directory) && directory.Number(Photometric) == BlackIsZero) image = Inverted(image);
        if ((image.Width, image.Height) != (width, height)) throw new PithException($"TIFF '{sourceName}' decodes to {image.Width}x{image.Height} pixels, its directory says {width}x{height}. The file is damaged.");
        return new(ExifOrientation.Apply(image, ExifOrientation.Of(directory)), ExifOrientation.None);
    }

    private static void RequireWhole(byte[] file, TiffDirectory directory, string sourceName)
    {
        var (offsets, lengths) = (directory.Numbers(StripOffsets) ?? [], directory.Numbers(StripByteCounts) ?? []);
        var isWhole = s_pixelTags.All(directory.IsWhole) && offsets.Length > 0 && offsets.Length == lengths.Length;
        for (var i = 0; isWhole && i < offsets.Length; i++) isWhole = offsets[i] >= 0 && lengths[i] >= 0 && offsets[i] <= file.Length && lengths[i] <= file.Length - offsets[i];
        if (!isWhole) throw new PithException($"TIFF '{sourceName}' is cut short or damaged: {offsets.Length} strips and the tables of its directory do not fit in its {file.Length} bytes. Fetch or export it again.");
    }

    private static void CheckData(TiffDirectory directory, long width, long height, string sourceName)
    {
        // None, LZW (a code of 12 bits stands for at most 4096 bytes), Deflate (258 bytes take at least 2 bits), PackBits. Fax and JPEG have no such bound.
        var maxRatio = (directory.Number(Compression) ?? 1) switch { 1 => 1, 5 => 4096 * 8 / 9, 8 or 32946 => 1032, 32773 => 64, _ => 0 };
        var bitsPerPixel = (directory.Numbers(BitsPerSample) ?? [1]).Sum();
        if (maxRatio > 0 && bitsPerPixel is > 0 and < 1024) ImageDecoder.CheckData(width, height, (width * bitsPerPixel + 7) / 8 * height, directory.Numbers(StripByteCounts)!.Sum(), maxRatio, sourceName);
    }

    private static bool IsGreyAlpha(TiffDirectory directory, long samples) =>
        samples == 2 && directory.Number(Photometric) == BlackIsZero && directory.Numbers(BitsPerSample) is [8, 8] or [16, 16]
        && (directory.Number(PlanarConfiguration) ?? Contiguous) == Contiguous && (directory.Number(Predictor) ?? 1) == 1;

    // CCITT RLE, Group 3, Group 4: the library takes white runs for white, whatever the photometric interpretation says.
    private static bool IsFax(TiffDirectory directory) => directory.Number(Compression) is 2 or 3 or 4;

    private static Image EvenColumns(Image image)
    {
        var from = image.Pixels.Span;
        var to = new byte[from.Length / 2];
        for (var i = 0; i < to.Length / 3; i++) from.Slice(6 * i, 3).CopyTo(to.AsSpan(3 * i));
        return new Image(image.Width / 2, image.Height, 3, to);
    }

    private static Image Inverted(Image image)
    {
        var inverted = image.Pixels.ToArray();
        foreach (ref var sample in inverted.AsSpan()) sample = (byte)~sample;
        return new Image(image.Width, image.Height, 3, inverted);
    }
}
