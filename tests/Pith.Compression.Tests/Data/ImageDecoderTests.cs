using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

/// <summary>The expected checksums are those of Pillow 9.4's pixels, Image.open(file).convert("RGB").</summary>
public sealed class ImageDecoderTests
{
    [Theory]
    [InlineData("baseline420.jpg", 0x7DB4759Eu)]
    [InlineData("baseline422.jpg", 0xA58CAAA8u)]
    [InlineData("baseline444.jpg", 0xE1E275BBu)]
    [InlineData("baseline411_restart.jpg", 0x054A5F43u)]
    [InlineData("progressive.jpg", 0x00A33F67u)]
    [InlineData("arithmetic.jpg", 0x91A093ACu)]
    [InlineData("grey.jpg", 0x7C5E6637u)]
    [InlineData("grey_progressive.jpg", 0xB46EF142u)]
    [InlineData("adobe_rgb.jpg", 0x8638889Bu)]
    [InlineData("cmyk.jpg", 0xD17C3A63u)]
    [InlineData("ycck.jpg", 0x850DEFB3u)]
    public void Jpeg_pixels_equal_those_of_Pillow(string file, uint crc)
    {
        var image = ImageDecoder.Decode(TestFiles.Read(file), file);
        Assert.Equal((43, 29, 3), (image.Width, image.Height, image.Channels));
        Assert.Equal(crc, Crc32.Of(image.Pixels.Span));
    }

    [Theory]
    [InlineData("grey1.png", 0xF68ED5D7u)]
    [InlineData("grey2_interlaced.png", 0xE5817C42u)]
    [InlineData("grey4.png", 0x50DD8FB1u)]
    [InlineData("grey8_gamma.png", 0x2CD265CFu)]
    [InlineData("grey16.png", 0xD995912Cu)] // Pillow keeps 16-bit grey: its high bytes are expected here
    [InlineData("rgb8.png", 0xA52A4B98u)]
    [InlineData("rgb8_interlaced.png", 0xA52A4B98u)]
    [InlineData("rgb16_interlaced.png", 0xF67CDA6Bu)]
    [InlineData("palette1.png", 0xDFB31092u)]
    [InlineData("palette4_interlaced.png", 0x16E81FF2u)]
    [InlineData("palette8_transparent.png", 0x25C99672u)]
    [InlineData("greyalpha8.png", 0x93E07985u)]
    [InlineData("rgba8_interlaced.png", 0x9117C283u)]
    [InlineData("rgba16.png", 0x9CC3DDB4u)]
    public void Png_pixels_equal_those_of_Pillow(string file, uint crc)
    {
        var image = ImageDecoder.Decode(TestFiles.Read(file), file);
        Assert.Equal(3, image.Channels);
        Assert.Equal(crc, Crc32.Of(image.Pixels.Span));
    }

    [Theory]
    [InlineData("baseline420.jpg")]
    [InlineData("rgb8.png")]
    public void A_file_cut_anywhere_is_refused(string file)
    {
        var bytes = TestFiles.Read(file);
        for (var length = 0; length < bytes.Length - 2; length += 7)
            Assert.Throws<PithException>(() => ImageDecoder.Decode(bytes.AsSpan(0, length), file));
    }

    [Fact]
    public void Huge_dimensions_are_refused_before_memory_is_taken()
    {
        var jpeg = WithJpegSize(65500, 65500);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var message = Assert.Throws<PithException>(() => ImageDecoder.Decode(jpeg, "bomb.jpg")).Message;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Contains("65500x65500", message, StringComparison.Ordinal);

        var png = WithPngSize(13_000, 13_000); // permitted, but 600 bytes of data cannot hold it
        before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<PithException>(() => ImageDecoder.Decode(png, "bomb.png"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void The_limit_of_pixels_is_the_callers()
    {
        var jpeg = TestFiles.Read("baseline420.jpg");
        Assert.Equal(43, ImageDecoder.Decode(jpeg, "a.jpg", new ImageDecodingOptions { MaxPixels = 43 * 29 }).Width);
        Assert.Throws<PithException>(() => ImageDecoder.Decode(jpeg, "a.jpg", new ImageDecodingOptions { MaxPixels = 43 * 29 - 1 }));
    }

    [Fact]
    public void A_progressive_file_with_hundreds_of_scans_is_refused()
    {
        // Repeats the last scan of a file whose frame claims the largest permitted size.
        var jpeg = TestFiles.Read("progressive.jpg");
        SetJpegSize(jpeg, 13_000, 13_000);
        var lastScan = LastIndexOf(jpeg, [0xFF, 0xDA]);
        var scan = jpeg[lastScan..^2];
        var bomb = jpeg[..^2].Concat(Enumerable.Repeat(scan, 300).SelectMany(s => s)).Concat(jpeg[^2..]).ToArray();
        Assert.Contains("scans", Assert.Throws<PithException>(() => ImageDecoder.Decode(bomb, "bomb.jpg")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_image_is_named_with_its_first_bytes()
    {
        var message = Assert.Throws<PithException>(() => ImageDecoder.Decode("8BPS\0\u0001"u8, "cat.psd")).Message;
        Assert.Contains("cat.psd", message, StringComparison.Ordinal);
        Assert.Contains("38425053", message, StringComparison.Ordinal);
        Assert.Throws<PithException>(() => ImageDecoder.Decode([], "empty"));
        Assert.Throws<PithException>(() => ImageDecoder.DecodeFile("/no/such/file.jpg"));
    }

    [Fact]
    public void A_jpeg_without_an_end_decodes_with_a_warning_when_its_scan_is_whole()
    {
        var jpeg = TestFiles.Read("baseline420.jpg");
        var notes = new NoteList();
        Assert.Equal(0x7DB4759Eu, Crc32.Of(ImageDecoder.Decode(jpeg.AsSpan(0, jpeg.Length - 2), "a.jpg", new ImageDecodingOptions { Events = notes }).Pixels.Span));
        Assert.Contains("'a.jpg' is cut short after 1 whole scan", Assert.Single(notes.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void A_progressive_jpeg_decodes_as_far_as_whole_scans_go()
    {
        var jpeg = TestFiles.Read("progressive.jpg");
        var whole = ImageDecoder.Decode(jpeg, "a.jpg").Pixels;
        int first = jpeg.AsSpan().IndexOf([(byte)0xFF, (byte)0xDA]), second = first + 2 + jpeg.AsSpan(first + 2).IndexOf([(byte)0xFF, (byte)0xDA]);
        var errors = new List<double>(); // by length of what is left
        for (var length = 0; length < jpeg.Length - 2; length += 3)
        {
            var notes = new NoteList();
            if (length < second - 100) // the tables of the second scan are before it
            {
                Assert.Throws<PithException>(() => ImageDecoder.Decode(jpeg.AsSpan(0, Math.Min(length, first + 20)), "a.jpg", new ImageDecodingOptions { Events = notes }));
                Assert.Empty(notes.Messages);
                continue;
            }
            if (length < second) continue;
            var pixels = ImageDecoder.Decode(jpeg.AsSpan(0, length), "a.jpg", new ImageDecodingOptions { Events = notes }).Pixels.Span;
            Assert.Contains("cut short after", Assert.Single(notes.Messages), StringComparison.Ordinal);
            var sum = 0.0;
            for (var i = 0; i < pixels.Length; i++) sum += Math.Abs(pixels[i] - whole.Span[i]);
            errors.Add(sum / pixels.Length);
        }
        // The more scans there are, the nearer it comes.
        Assert.True(errors[^1] < errors[0]);
        Assert.InRange(errors[0], 0.1, 60);
    }

    [Fact]
    public void Stray_bytes_between_segments_do_not_matter()
    {
        var jpeg = TestFiles.Read("baseline420.jpg");
        var end = jpeg.Length - 2;
        var strayed = jpeg[..end].Concat(new byte[5]).Concat(jpeg[end..]).ToArray();
        Assert.Equal(0x7DB4759Eu, Crc32.Of(ImageDecoder.Decode(strayed, "a.jpg").Pixels.Span));
    }

    [Fact]
    public void Damaged_files_either_decode_or_are_refused()
    {
        string[] files = ["baseline420.jpg", "progressive.jpg", "cmyk.jpg", "arithmetic.jpg", "rgb8_interlaced.png", "palette4_interlaced.png", "rgba16.png"];
        for (var seed = 0; seed < 600; seed++)
        {
            var bytes = Mutation.Of(TestFiles.Read(files[seed % files.Length]), seed);
            Mutation.Survives(seed, () => ImageDecoder.Decode(bytes, "mutated", new ImageDecodingOptions { MaxPixels = 1_000_000 }));
        }
    }

    [Fact]
    public void Sample_images_decode_and_resize_as_with_Pillow()
    {
        var folder = TestKit.SharedData.Path("imagenet-sample");
        Assert.SkipWhen(folder is null, "the sample images are not on this machine");
        var dataset = DatasetCatalog.Open($"imagefolder:{folder}?every=10");
        var (decoded, fitted) = (new uint[dataset.Count], new uint[dataset.Count]);
        Parallel.For(0, dataset.Count, i =>
        {
            var image = dataset.Load(i).Image!;
            decoded[i] = Crc32.Of(image.Pixels.Span);
            fitted[i] = Crc32.Of(Preprocessing.ImageNet.Fit(image).Pixels.Span);
        });
        // Checksums of the images' checksums, so that fifty images make two numbers.
        Assert.Equal(50, dataset.Count);
        Assert.Equal(0x2AA9CA9Eu, Crc32.Of(MemoryMarshal.AsBytes<uint>(decoded)));
        Assert.Equal(0x6544459Eu, Crc32.Of(MemoryMarshal.AsBytes<uint>(fitted)));
    }

    private static byte[] WithJpegSize(int width, int height)
    {
        var jpeg = TestFiles.Read("baseline420.jpg");
        SetJpegSize(jpeg, width, height);
        return jpeg;
    }

    private static void SetJpegSize(byte[] jpeg, int width, int height)
    {
        var frame = Enumerable.Range(0, jpeg.Length).First(i => jpeg[i] == 0xFF && jpeg[i + 1] is 0xC0 or 0xC2);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 5), (ushort)height);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 7), (ushort)width);
    }

    private static byte[] WithPngSize(int width, int height)
    {
        var png = TestFiles.Read("rgb8.png");
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), height);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc32.Of(png.AsSpan(12, 17)));
        return png;
    }

    private static int LastIndexOf(byte[] bytes, ReadOnlySpan<byte> pattern) => bytes.AsSpan().LastIndexOf(pattern);
}
