using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Pith.Compression.Data;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Tiff.Constants;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Metadata.Profiles.Exif;
using SixLabors.ImageSharp.PixelFormats;
using SharpImage = SixLabors.ImageSharp.Image;

namespace Pith.Compression.Tests.Data;

/// <summary>Files of every format, written here with known pixels, decode to these pixels; whatever is wrong with a file is refused.</summary>
public sealed class ImageFormatTests
{
    // Around the widths of counters and blocks, and up to 2000 rows.
    private static readonly (int Width, int Height)[] s_sizes = [(1, 1), (1, 2000), (2000, 1), (7, 9), (33, 255), (16, 256), (17, 257), (300, 511), (5, 1024), (64, 1999)];

    private static readonly Dictionary<string, IImageEncoder> s_encoders = new()
    {
        ["png-rgb8"] = new PngEncoder { ColorType = PngColorType.Rgb },
        ["png-rgb8-interlaced"] = new PngEncoder { ColorType = PngColorType.Rgb, InterlaceMethod = PngInterlaceMode.Adam7 },
        ["png-rgba8"] = new PngEncoder { ColorType = PngColorType.RgbWithAlpha },
        ["png-rgba8-interlaced"] = new PngEncoder { ColorType = PngColorType.RgbWithAlpha, InterlaceMethod = PngInterlaceMode.Adam7 },
        ["png-rgb16"] = new PngEncoder { ColorType = PngColorType.Rgb, BitDepth = PngBitDepth.Bit16 },
        ["png-rgba16-interlaced"] = new PngEncoder { ColorType = PngColorType.RgbWithAlpha, BitDepth = PngBitDepth.Bit16, InterlaceMethod = PngInterlaceMode.Adam7 },
        ["bmp-24"] = new BmpEncoder { BitsPerPixel = BmpBitsPerPixel.Pixel24 },
        ["bmp-32"] = new BmpEncoder { BitsPerPixel = BmpBitsPerPixel.Pixel32, SupportTransparency = true },
        ["tiff"] = new TiffEncoder { BitsPerPixel = TiffBitsPerPixel.Bit24 },
        ["tiff-lzw"] = new TiffEncoder { BitsPerPixel = TiffBitsPerPixel.Bit24, Compression = TiffCompression.Lzw, HorizontalPredictor = TiffPredictor.Horizontal },
        ["tiff-deflate"] = new TiffEncoder { BitsPerPixel = TiffBitsPerPixel.Bit24, Compression = TiffCompression.Deflate },
        ["tiff-packbits"] = new TiffEncoder { BitsPerPixel = TiffBitsPerPixel.Bit24, Compression = TiffCompression.PackBits },
        ["webp-lossless"] = new WebpEncoder { FileFormat = WebpFileFormatType.Lossless, TransparentColorMode = WebpTransparentColorMode.Preserve, Method = WebpEncodingMethod.Fastest },
    };

    public static TheoryData<string> Encoders => [.. s_encoders.Keys];

    [Theory]
    [MemberData(nameof(Encoders))]
    public void Colour_images_of_any_size_keep_their_pixels_and_lose_their_alpha(string encoder)
    {
        foreach (var (width, height) in s_sizes)
        {
            var pixels = MemoryMarshal.Cast<byte, Rgba32>(TestFiles.Noise(4 * width * height)).ToArray();
            using var image = SharpImage.LoadPixelData(pixels, width, height);
            var file = Encoded(image, s_encoders[encoder]);
            if (width < 5 && encoder.EndsWith("interlaced", StringComparison.Ordinal))
            {
                Assert.Contains("without interlacing", Assert.Throws<PithException>(() => ImageDecoder.Decode(file, encoder)).Message, StringComparison.Ordinal);
                continue;
            }
            var decoded = ImageDecoder.Decode(file, encoder);
            Assert.Equal((width, height, 3), (decoded.Width, decoded.Height, decoded.Channels));
            Assert.True(pixels.SelectMany(p => new[] { p.R, p.G, p.B }).SequenceEqual(decoded.Pixels.ToArray()), $"{encoder} {width}x{height}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void Grey_images_of_every_depth_are_spread_to_rgb(int bits)
    {
        foreach (var (width, height) in s_sizes)
        {
            // Levels that the depth can express; of 16 bits the high byte counts, whatever the low one is.
            var most = (1 << Math.Min(bits, 8)) - 1;
            var levels = Array.ConvertAll(TestFiles.Noise(width * height), sample => (byte)((sample & most) * 255 / most));
            var expected = levels.SelectMany(level => new[] { level, level, level });
            foreach (var interlaced in new[] { PngInterlaceMode.None, PngInterlaceMode.Adam7 })
            {
                if (width < 5 && interlaced == PngInterlaceMode.Adam7) continue; // refused
                using var image = SharpImage.LoadPixelData(Array.ConvertAll(levels, level => new L16((ushort)(level << 8 | (bits == 16 ? 255 - level : level)))), width, height);
                var file = Encoded(image, new PngEncoder { ColorType = PngColorType.Grayscale, BitDepth = (PngBitDepth)bits, InterlaceMethod = interlaced });
                Assert.True(expected.SequenceEqual(ImageDecoder.Decode(file, "grey.png").Pixels.ToArray()), $"PNG, {bits} bits, {interlaced}, {width}x{height}");
            }
        }
    }

    [Theory]
    [InlineData("png")]
    [InlineData("gif")]
    [InlineData("bmp")]
    [InlineData("tiff")]
    public void Palette_images_get_the_colours_of_their_palette(string format)
    {
        foreach (var (width, height) in s_sizes)
        {
            // Few enough colours for any quantizer to keep them.
            var colours = MemoryMarshal.Cast<byte, Rgb24>(TestFiles.Noise(3 * 8)).ToArray();
            var pixels = Array.ConvertAll(TestFiles.Noise(width * height), sample => colours[sample >> 5]);
            using var image = SharpImage.LoadPixelData(pixels, width, height);
            IImageEncoder encoder = format switch
            {
                "png" => new PngEncoder { ColorType = PngColorType.Palette },
                "gif" => new GifEncoder(),
                "bmp" => new BmpEncoder { BitsPerPixel = BmpBitsPerPixel.Pixel8 },
                _ => new TiffEncoder { BitsPerPixel = TiffBitsPerPixel.Bit8, PhotometricInterpretation = TiffPhotometricInterpretation.PaletteColor },
            };
            var decoded = ImageDecoder.Decode(Encoded(image, encoder), format);
            Assert.True(MemoryMarshal.AsBytes<Rgb24>(pixels).SequenceEqual(decoded.Pixels.Span), $"{format} {width}x{height}");
        }
    }

    [Fact]
    public void The_colour_under_transparent_pixels_of_a_gif_stays()
    {
        var file = Gif(canvas: (3, 2), frame: (0, 0, 3, 2), transparent: 1);
        Assert.Equal(Colours(0, 1, 2, 3, 0, 1), ImageDecoder.Decode(file, "a.gif").Pixels.ToArray());
    }

    [Fact]
    public void A_first_frame_that_is_smaller_than_the_canvas_is_laid_on_it()
    {
        Assert.Equal(Canvas(around: 0), ImageDecoder.Decode(Gif((5, 3), (2, 1, 3, 2), null), "a.gif").Pixels.ToArray());
        Assert.Equal(Canvas(around: 3), ImageDecoder.Decode(Gif((5, 3), (2, 1, 3, 2), transparent: 3), "a.gif").Pixels.ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tiff_with_one_bit_and_no_bits_per_sample_and_tiff_with_alpha_after_grey_decode(bool isLittleEndian)
    {
        var bits = Tiff(isLittleEndian, 10, 2, [0b1010_0110, 0b0100_0000, 0b0000_0001, 0b1000_0000], (262, 1), (277, 1));
        int[] expected = [1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0];
        Assert.Equal(expected.SelectMany(bit => Enumerable.Repeat((byte)(bit * 255), 3)), ImageDecoder.Decode(bits, "bits.tif").Pixels.ToArray());

        var greyAlpha = Tiff(isLittleEndian, 2, 2, [10, 0, 20, 99, 30, 255, 40, 1], (258, 8 | 8 << 16), (262, 1), (277, 2));
        Assert.Equal(new byte[] { 10, 20, 30, 40 }.SelectMany(grey => Enumerable.Repeat(grey, 3)), ImageDecoder.Decode(greyAlpha, "greyalpha.tif").Pixels.ToArray());
    }

    [Theory]
    [InlineData(1, "abcdef", 3)]
    [InlineData(2, "cbafed", 3)]
    [InlineData(3, "fedcba", 3)]
    [InlineData(4, "defabc", 3)]
    [InlineData(5, "adbecf", 2)]
    [InlineData(6, "daebfc", 2)]
    [InlineData(7, "fcebda", 2)]
    [InlineData(8, "cfbead", 2)]
    public void Orientation_is_applied_when_asked_for_and_always_in_tiff(int orientation, string expected, int width)
    {
        // Rows abc and def.
        using var image = SharpImage.LoadPixelData("abcdef"u8.ToArray().Select(letter => new Rgb24(letter, letter, letter)).ToArray(), 3, 2);
        image.Metadata.ExifProfile = new ExifProfile();
        image.Metadata.ExifProfile.SetValue(ExifTag.Orientation, (ushort)orientation);
        foreach (var encoder in new IImageEncoder[] { new PngEncoder(), new WebpEncoder { FileFormat = WebpFileFormatType.Lossless } })
        {
            var file = Encoded(image, encoder);
            Assert.Equal("abcdef", Letters(ImageDecoder.Decode(file, "a")));
            var turned = ImageDecoder.Decode(file, "a", new ImageDecodingOptions { ApplyOrientation = true });
            Assert.Equal((expected, width), (Letters(turned), turned.Width));
        }
        var tiff = Tiff(isLittleEndian: true, 3, 2, "abcdef"u8.ToArray(), (258, 8), (262, 1), (274, orientation), (277, 1));
        foreach (var applies in new[] { false, true }) Assert.Equal(expected, Letters(ImageDecoder.Decode(tiff, "a", new ImageDecodingOptions { ApplyOrientation = applies })));
    }

    [Fact]
    public void Orientation_of_a_jpeg_is_applied_when_asked_for()
    {
        var jpeg = TestFiles.Read("baseline420.jpg");
        byte[] exif = [.. "Exif\0\0II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0];
        byte[] turned = [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
        var stored = ImageDecoder.Decode(turned, "a.jpg");
        Assert.Equal(ImageDecoder.Decode(jpeg, "a.jpg").Pixels.ToArray(), stored.Pixels.ToArray());
        var applied = ImageDecoder.Decode(turned, "a.jpg", new ImageDecodingOptions { ApplyOrientation = true });
        Assert.Equal((29, 43), (applied.Width, applied.Height));
        Assert.Equal(stored.Pixels[..3].ToArray(), applied.Pixels.Slice(28 * 3, 3).ToArray()); // the first pixel comes to the upper right
    }

    [Theory]
    [MemberData(nameof(Encoders))]
    public void A_file_cut_anywhere_is_refused_or_whole(string encoder)
    {
        using var image = SharpImage.LoadPixelData<Rgba32>(TestFiles.Noise(4 * 9 * 11), 9, 11);
        var file = Encoded(image, s_encoders[encoder]);
        var whole = ImageDecoder.Decode(file, encoder).Pixels.ToArray();
        for (var length = 0; length < file.Length; length++)
        {
            try
            {
                Assert.Equal(whole, ImageDecoder.Decode(file.AsSpan(0, length), "cut").Pixels.ToArray());
            }
            catch (PithException refusal)
            {
                Assert.Contains(length == 0 ? "is empty" : "'cut'", refusal.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Png_data_with_too_few_rows_is_refused_although_its_chunks_are_whole()
    {
        using var image = SharpImage.LoadPixelData<Rgb24>(TestFiles.Noise(3 * 8 * 8), 8, 8);
        var file = Encoded(image, new PngEncoder { ColorType = PngColorType.Rgb });
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(20), 9);
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(29), Crc32.Of(file.AsSpan(12, 17)));
        Assert.Contains("cut short", Assert.Throws<PithException>(() => ImageDecoder.Decode(file, "a.png")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("png-rgb8")]
    [InlineData("bmp-24")]
    [InlineData("tiff")]
    [InlineData("tiff-deflate")]
    [InlineData("gif")]
    [InlineData("webp-lossless")]
    public void A_header_that_promises_too_much_is_refused_before_memory_is_taken(string encoder)
    {
        using var image = SharpImage.LoadPixelData<Rgba32>(TestFiles.Noise(4 * 9 * 11), 9, 11);
        var file = encoder == "gif" ? Gif((60000, 60000), (0, 0, 3, 2), null) : Encoded(image, s_encoders[encoder]);
        switch (encoder)
        {
            case "png-rgb8":
                BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(16), 60000);
                BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(20), 60000);
                BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(29), Crc32.Of(file.AsSpan(12, 17)));
                break;
            case "bmp-24":
                BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), 12000);
                BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), 12000);
                break;
            case "tiff" or "tiff-deflate":
                file = Tiff(true, 12000, 12000, [1, 2, 3], (258, 8), (259, encoder == "tiff" ? 1 : 8), (262, 1), (277, 1));
                break;
            case "webp-lossless":
                var bits = file.AsSpan().IndexOf("VP8L"u8) + 9;
                file.AsSpan(bits, 3).Fill(0xFF); // 16384 x 16384 or nearly
                file[bits + 3] |= 0x0F;
                break;
        }
        var before = GC.GetTotalAllocatedBytes(precise: true);
        Assert.Throws<PithException>(() => ImageDecoder.Decode(file, encoder));
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 64 << 20);
    }

    [Fact]
    public void Damaged_files_either_decode_or_are_refused()
    {
        using var image = SharpImage.LoadPixelData<Rgba32>(TestFiles.Noise(4 * 13 * 11), 13, 11);
        var files = s_encoders.Values.Select(encoder => Encoded(image, encoder)).Append(Gif((5, 3), (2, 1, 3, 2), 3)).ToArray();
        for (var seed = 0; seed < 3000; seed++)
        {
            var bytes = Mutation.Of(files[seed % files.Length], seed);
            Mutation.Survives(seed, () => ImageDecoder.Decode(bytes, "mutated", new ImageDecodingOptions { MaxPixels = 1_000_000 }));
        }
    }

    [Fact]
    public void Unusual_files_of_the_cases_decode_to_their_pixels()
    {
        var folder = TestKit.SharedData.Case("16-images");
        Assert.SkipWhen(folder is null, "the cases are not on this machine");
        foreach (var path in Directory.GetFiles(Path.Combine(folder, "pixels")).Concat(Directory.GetFiles(Path.Combine(folder, "../36-png-rows/pixels"), "*.npy", SearchOption.AllDirectories)))
        {
            var file = path.Replace("/pixels/", path.Contains("16-images/pixels", StringComparison.Ordinal) ? "/files/" : "/set/", StringComparison.Ordinal)[..^4];
            var pixels = Npy.Read(path);
            var image = ImageDecoder.DecodeFile(File.Exists(file) ? file : file + ".png");
            Assert.Equal(pixels.Shape, new Shape(image.Height, image.Width, 3));
            Assert.All(image.Pixels.ToArray().Zip(pixels.Bytes.ToArray()), pair => Assert.InRange(pair.First - pair.Second, -2, 2));
            if (!file.EndsWith(".jpg", StringComparison.Ordinal)) Assert.Equal(pixels.Bytes.ToArray(), image.Pixels.ToArray());
        }
        Assert.Throws<PithException>(() => ImageDecoder.DecodeFile(Path.Combine(folder, "files/cut.jpg")));
        var notes = new NoteList();
        ImageDecoder.DecodeFile(Path.Combine(folder, "files/noeoi.jpg"), new ImageDecodingOptions { Events = notes });
        Assert.Single(notes.Messages);
    }

    private static byte[] Encoded(SharpImage image, IImageEncoder encoder)
    {
        using var stream = new MemoryStream();
        image.Save(stream, encoder);
        return stream.ToArray();
    }

    private static string Letters(Compression.Data.Image image) => string.Concat(Enumerable.Range(0, image.Width * image.Height).Select(i => (char)image.Pixels.Span[3 * i]));

    private static byte[] Colours(params int[] indices) => [.. indices.SelectMany(index => new[] { (byte)(10 * index + 1), (byte)(10 * index + 2), (byte)(10 * index + 3) })];

    private static byte[] Canvas(int around)
    {
        int[] canvas = [around, around, around, around, around, around, around, 0, 1, 2, around, around, 3, 0, 1];
        return Colours(canvas);
    }

    /// <summary>A GIF of four colours, (1, 2, 3), (11, 12, 13), …, whose one frame of six pixels has the colours 0, 1, 2, 3, 0, 1.</summary>
    private static byte[] Gif((int Width, int Height) canvas, (int Left, int Top, int Width, int Height) frame, int? transparent)
    {
        static byte[] Words(params int[] words) => [.. words.SelectMany(word => new[] { (byte)word, (byte)(word >> 8) })];
        // LZW codes of three bits, clear (4) before each pair so that they never grow, end (5); lowest bits first.
        int[] codes = [4, 0, 1, 4, 2, 3, 4, 0, 1, 5];
        var packed = new byte[(codes.Length * 3 + 7) / 8];
        for (var bit = 0; bit < codes.Length * 3; bit++) packed[bit / 8] |= (byte)((codes[bit / 3] >> (bit % 3) & 1) << (bit % 8));
        byte[] control = transparent is { } index ? [0x21, 0xF9, 4, 1, 0, 0, (byte)index, 0] : [];
        return [.. "GIF89a"u8, .. Words(canvas.Width, canvas.Height), 0x81, 0, 0, .. Colours(0, 1, 2, 3), .. control, 0x2C, .. Words(frame.Left, frame.Top, frame.Width, frame.Height), 0, 2, (byte)packed.Length, .. packed, 0, 0x3B];
    }

    /// <summary>A TIFF of one uncompressed strip; an entry holds one SHORT, or two when the upper half of its number is not 0.</summary>
    private static byte[] Tiff(bool isLittleEndian, int width, int height, byte[] strip, params (int Tag, int Value)[] entries)
    {
        byte[] Number(int value, int bytes) => [.. Enumerable.Range(0, bytes).Select(i => (byte)(value >> (8 * (isLittleEndian ? i : bytes - 1 - i))))];
        var all = entries.Concat([(256, width), (257, height), (273, 8), (278, height), (279, strip.Length)]).OrderBy(entry => entry.Item1).ToArray();
        List<byte> file = [.. isLittleEndian ? "II"u8 : "MM"u8, .. Number(42, 2), .. Number(8 + strip.Length + strip.Length % 2, 4), .. strip];
        if (strip.Length % 2 != 0) file.Add(0);
        file.AddRange(Number(all.Length, 2));
        foreach (var (tag, value) in all)
        {
            const int Short = 3;
            file.AddRange([.. Number(tag, 2), .. Number(Short, 2), .. Number(value >> 16 != 0 ? 2 : 1, 4), .. Number(value & 0xFFFF, 2), .. Number(value >> 16, 2)]);
        }
        return [.. file, 0, 0, 0, 0];
    }
}
