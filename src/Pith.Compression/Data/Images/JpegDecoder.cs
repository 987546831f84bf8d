namespace Pith.Compression.Data;

/// <summary>Decodes JPEG through libturbojpeg, with the settings under which its output equals Pillow's.</summary>
internal static class JpegDecoder
{
    /// <summary>
    /// Each scan visits every block, so that a tiny progressive file with hundreds of scans could keep a core busy for minutes. Genuine
    /// progressive files have about 10 scans; a file may cost as much as the largest permitted image with this many.
    /// </summary>
    private const int MaxScansOfLargestImage = 16;

    public static DecodedImage Decode(byte[] file, string sourceName, ImageDecodingOptions options)
    {
        var header = JpegHeader.Read(file, sourceName);
        ImageDecoder.CheckSize(header.Width, header.Height, sourceName, options.MaxPixels);
        if (header.Components is not (1 or 3 or 4))
            throw new PithException($"JPEG '{sourceName}' has {header.Components} colour components: expected 1 (grey), 3 (colour) or 4 (CMYK). Convert it to RGB.");
        if ((long)header.Scans * header.Width * header.Height > MaxScansOfLargestImage * options.MaxPixels)
            throw new PithException($"JPEG '{sourceName}' has {header.Scans} scans of {header.Width}x{header.Height} pixels, more than {MaxScansOfLargestImage} of the largest permitted image. Save it again as baseline JPEG.");
        var orientation = ExifOrientation.Of(file.AsMemory()[header.Exif]);
        // The decoder takes its size from the header's, divided and rounded up.
        if (Reduction(header, orientation, options) is > 1 and var reduction) header = header with { Width = (header.Width - 1) / reduction + 1, Height = (header.Height - 1) / reduction + 1 };
        var image = header.IsComplete ? DecodeWhole(file, header, sourceName, options) : DecodeCut(file, header, sourceName, options);
        return new(image, orientation);
    }

    private static int Reduction(JpegHeader header, int orientation, ImageDecodingOptions options) =>
        options.Reduction is not { } choose ? 1
        : options.ApplyOrientation && ExifOrientation.IsTurned(orientation) ? choose(header.Height, header.Width) : choose(header.Width, header.Height);

    private static Image DecodeWhole(ReadOnlySpan<byte> jpeg, JpegHeader header, string sourceName, ImageDecodingOptions options)
    {
        var image = Decode(jpeg, header, out var result);
        if (result.Error is { } error) throw new PithException($"JPEG '{sourceName}' cannot be decoded: {error}. The file is damaged; fetch or export it again.");
        if (result.Warning is { } warning) options.Events?.Report(new Warning($"JPEG '{sourceName}' is damaged but was decoded: {warning}."));
        return image;
    }

    /// <summary>
    /// A file without an end marker is decoded up to its last whole scan, if every component has one: then the picture is complete, though perhaps coarse in a progressive file.
    /// libjpeg fills missing data with grey and reports that as a warning.
    /// </summary>
    private static Image DecodeCut(ReadOnlySpan<byte> jpeg, JpegHeader header, string sourceName, ImageDecodingOptions options)
    {
        (int Length, int Scans, int Started)[] endings =
        [
            (jpeg.Length, header.Scans, header.Started),
            (header.End, header.Scans, header.Started),
            (header.LastScanAt, header.Scans - 1, header.StartedBeforeLast),
        ];
        foreach (var (length, scans, started) in endings.Where(ending => ending.Started == header.Components).DistinctBy(ending => ending.Length))
        {
            byte[] ended = [.. jpeg[..length], 0xFF, JpegHeader.EndOfImage];
            var image = Decode(ended, header, out var result);
            if (result != default) continue;
            options.Events?.Report(new Warning($"JPEG '{sourceName}' is cut short after {scans} whole scan{(scans == 1 ? "" : "s")} and was decoded as far as it goes. Fetch or export it again."));
            return image;
        }
        throw new PithException($"JPEG '{sourceName}' is cut short: its {jpeg.Length} bytes hold no end-of-image marker and no whole scan of every component. Fetch or export it again.");
    }

    private static Image Decode(ReadOnlySpan<byte> jpeg, JpegHeader header, out TurboJpegResult result)
    {
        var rgb = GC.AllocateUninitializedArray<byte>(header.Width * header.Height * 3);
        if (header.Components == 4)
        {
            var cmyk = new byte[checked(header.Width * header.Height * 4)];
            result = TurboJpeg.Decompress(jpeg, cmyk, header.Width, header.Height, TurboJpeg.PixelFormat.Cmyk);
            CmykToRgb(cmyk, rgb);
        }
        else result = TurboJpeg.Decompress(jpeg, rgb, header.Width, header.Height, TurboJpeg.PixelFormat.Rgb);
        return new Image(header.Width, header.Height, 3, rgb);
    }

    /// <summary>
    /// Programs that write CMYK JPEG follow Adobe: 255 means no ink. So with K the stored (inverted) black and C, M, Y the stored inks,
    /// R = K - K (255 - C) / 255, rounded as Pillow rounds it.
    /// </summary>
    private static void CmykToRgb(ReadOnlySpan<byte> cmyk, Span<byte> rgb)
    {
        for (int from = 0, to = 0; from < cmyk.Length; from += 4, to += 3)
        {
            int white = cmyk[from + 3];
            for (var c = 0; c < 3; c++) rgb[to + c] = (byte)(white - DivideBy255((255 - cmyk[from + c]) * white));
        }
    }

    /// <summary>x / 255 rounded to nearest, exact for 0 to 255 x 255.</summary>
    private static int DivideBy255(int x) => (x + 128 + ((x + 128) >> 8)) >> 8;
}
