using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

/// <summary>What augmentation does to 8-bit images, against the pixels of Pillow 9.4, and against numbers worked out by hand.</summary>
public sealed class PixelAugmentationTests
{
    private static readonly Dictionary<string, Func<Image, Image>> s_changes = new(StringComparer.Ordinal)
    {
        ["shear-x 0.17"] = image => AffineTransform.Apply(image, new(1, 0.17, 0, 0, 1, 0)),
        ["shear-x -0.3"] = image => Operation("shear-x", image, 1, -1),
        ["shear-y 0.17"] = image => AffineTransform.Apply(image, new(1, 0, 0, 0.17, 1, 0)),
        ["translate 7 -5"] = image => AffineTransform.Apply(image, new(1, 0, -7, 0, 1, 5)),
        ["rotate 9"] = image => Operation("rotate", image, 0.3, 1),
        ["rotate -30"] = image => Operation("rotate", image, 1, -1),
        ["rotate 0"] = image => Operation("rotate", image, 0, 1),
        ["brightness 0.4"] = image => Enhancement.Brightness(image, 0.4f),
        ["brightness 1.7"] = image => Enhancement.Brightness(image, 1.7f),
        ["contrast 0.4"] = image => Enhancement.Contrast(image, 0.4f),
        ["contrast 1.7"] = image => Enhancement.Contrast(image, 1.7f),
        ["color 0.4"] = image => Enhancement.Saturation(image, 0.4f),
        ["color 1.7"] = image => Enhancement.Saturation(image, 1.7f),
        ["sharpness 0.4"] = image => Enhancement.Sharpness(image, 0.4f),
        ["sharpness 1.7"] = image => Enhancement.Sharpness(image, 1.7f),
        ["posterize 5"] = image => ToneCurve.Posterize(image, 5),
        ["solarize 178.5"] = image => Operation("solarize", image, 0.3, 1),
        ["auto-contrast"] = ToneCurve.AutoContrast,
        ["equalize"] = ToneCurve.Equalize,
        ["hue 0.3"] = image => HueShift.Apply(image, 0.3),
        ["hue -0.1"] = image => HueShift.Apply(image, -0.1),
        ["crop resize"] = image => Resampling.Resize(image, new CropWindow(5, 3, 29, 17), 16, 12, ResamplingFilter.Bilinear),
    };

    /// <summary>The checksums of Pillow's pixels, of a colour and of a grey image of 37 x 23 pixels.</summary>
    [Theory]
    [InlineData("shear-x 0.17", 0x6F772EFBu, 0x5330DA1Cu)]
    [InlineData("shear-x -0.3", 0x5C19D2D1u, 0xDB2F062Eu)]
    [InlineData("shear-y 0.17", 0x397E7282u, 0x4BFD66D6u)]
    [InlineData("translate 7 -5", 0x163D2B71u, 0x84936EB7u)]
    [InlineData("rotate 9", 0xF16FE337u, 0x3177C739u)]
    [InlineData("rotate -30", 0x59DC5A99u, 0xA300CD95u)]
    [InlineData("rotate 0", 0x725E02D3u, 0x655BDABBu)]
    [InlineData("brightness 0.4", 0x01808D26u, 0x36442708u)]
    [InlineData("brightness 1.7", 0x96D42F7Fu, 0x882E5577u)]
    [InlineData("contrast 0.4", 0x2E4E768Fu, 0xEF240D99u)]
    [InlineData("contrast 1.7", 0x1CB139B2u, 0xD452A8B1u)]
    [InlineData("color 0.4", 0x10257720u, 0x655BDABBu)]
    [InlineData("color 1.7", 0x83B16B0Cu, 0x655BDABBu)]
    [InlineData("sharpness 0.4", 0x69D8258Bu, 0xFB47DC4Du)]
    [InlineData("sharpness 1.7", 0xE7C333ECu, 0x904393A7u)]
    [InlineData("posterize 5", 0xAD0000D3u, 0x458DEC15u)]
    [InlineData("solarize 178.5", 0xEF6ECD40u, 0x3CC84F42u)]
    [InlineData("auto-contrast", 0xAB5743E3u, 0xA03A7C53u)]
    [InlineData("equalize", 0x8ED603F5u, 0x43328590u)]
    [InlineData("hue 0.3", 0x7701CA1Fu, 0x655BDABBu)]
    [InlineData("hue -0.1", 0xF8C79C44u, 0x655BDABBu)]
    [InlineData("crop resize", 0xC020C8BAu, 0x4D1FD2A3u)]
    public void The_pixels_are_those_of_Pillow(string change, uint colour, uint grey)
    {
        Assert.Equal(colour, Crc32.Of(s_changes[change](Pattern(3)).Pixels.Span));
        Assert.Equal(grey, Crc32.Of(s_changes[change](Pattern(1)).Pixels.Span));
    }

    [Theory]
    [InlineData(255, 0, 0, 1.0 / 3, 0, 255, 0)] // red to green
    [InlineData(0, 0, 255, 1.0 / 3, 255, 0, 0)] // blue to red
    [InlineData(90, 90, 90, 0.3, 90, 90, 90)] // grey stays
    [InlineData(255, 0, 0, 0, 255, 0, 0)]
    public void Hue_turns_known_colours(byte red, byte green, byte blue, double turn, byte r, byte g, byte b) =>
        Assert.Equal([r, g, b], HueShift.Apply(new Image(1, 1, 3, new[] { red, green, blue }), turn).Pixels.ToArray());

    [Fact]
    public void Curves_of_flat_images_leave_them_alone()
    {
        var flat = new Image(4, 3, 3, Enumerable.Repeat((byte)77, 36).ToArray());
        Assert.Equal(flat.Pixels.ToArray(), ToneCurve.Equalize(flat).Pixels.ToArray());
        Assert.Equal(flat.Pixels.ToArray(), ToneCurve.AutoContrast(flat).Pixels.ToArray());
        Assert.Equal(flat.Pixels.ToArray(), Enhancement.Contrast(flat, 1.9f).Pixels.ToArray());
    }

    [Fact]
    public void A_factor_of_one_and_no_magnitude_leave_the_image_alone()
    {
        var image = Pattern(3);
        foreach (var change in (Func<Image, float, Image>[])[Enhancement.Brightness, Enhancement.Contrast, Enhancement.Saturation, Enhancement.Sharpness])
            Assert.Equal(image.Pixels.ToArray(), change(image, 1).Pixels.ToArray());
        foreach (var operation in RandAugmentOperation.All.Where(operation => operation.Name is not ("auto-contrast" or "equalize")))
        {
            var changed = operation.Apply(image, 0, 1).Pixels.ToArray();
            // Solarize inverts values from its threshold on, which is 255.
            Assert.True(image.Pixels.Span.SequenceEqual(changed), operation.Name);
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(1)]
    public void Every_operation_keeps_the_size_at_every_magnitude(int channels)
    {
        var image = Pattern(channels);
        foreach (var operation in RandAugmentOperation.All)
            for (var magnitude = 0; magnitude <= 30; magnitude++)
                foreach (var sign in (int[])[-1, 1])
                {
                    var changed = operation.Apply(image, magnitude / 30.0, sign);
                    Assert.Equal((37, 23, channels), (changed.Width, changed.Height, changed.Channels));
                }
        var tiny = new Image(1, 1, channels, new byte[channels]);
        Assert.All(RandAugmentOperation.All, operation => Assert.Equal(1, operation.Apply(tiny, 1, -1).Width));
    }

    [Fact]
    public void RandAugment_draws_every_operation_and_repeats_itself()
    {
        var image = Pattern(3);
        var policy = new RandAugment(1, 15);
        var results = Enumerable.Range(0, 500).Select(i => Crc32.Of(Apply(policy, image, i).Pixels.Span)).ToArray();
        // Operations with two directions give two results; identity gives the image.
        Assert.InRange(results.Distinct().Count(), 20, 23);
        Assert.Equal(results, Enumerable.Range(0, 500).Select(i => Crc32.Of(Apply(policy, image, i).Pixels.Span)));
    }

    [Fact]
    public void Jitter_takes_its_steps_in_any_order_within_its_ranges()
    {
        var grey = new Image(1, 1, 1, new byte[] { 100 });
        var values = Enumerable.Range(0, 2000).Select(i => (int)Apply(new ColorJitter(0.4, 0, 0, 0), grey, i).Pixels.Span[0]).ToArray();
        Assert.Equal((60, 139), (values.Min(), values.Max()));
        var image = Pattern(3);
        // Contrast after brightness is not brightness after contrast: with the same factors there are several results.
        Assert.True(Enumerable.Range(0, 50).Select(i => Crc32.Of(Apply(new ColorJitter(0.4, 0.4, 0.4, 0.1), image, i).Pixels.Span)).Distinct().Count() > 45);
    }

    private static Image Apply(IPixelAugmentation step, Image image, int index)
    {
        var random = new SeededRandom(1, 0, index);
        return step.Apply(image, ref random);
    }

    private static Image Operation(string name, Image image, double strength, int sign) => RandAugmentOperation.All.Single(operation => operation.Name == name).Apply(image, strength, sign);

    private static Image Pattern(int channels)
    {
        const int Width = 37, Height = 23;
        var pixels = new byte[Width * Height * channels];
        for (var y = 0; y < Height; y++)
            for (var x = 0; x < Width; x++)
                for (var c = 0; c < channels; c++) pixels[(y * Width + x) * channels + c] = (byte)((x * 5 + y * 9 + c * 53 + x * y * (c + 1)) % 200 + 20);
        return new Image(Width, Height, channels, pixels);
    }
}
