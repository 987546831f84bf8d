using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

/// <summary>The expected checksums are those of Pillow 9.4, Image.resize(size, filter), on the noise of <see cref="TestFiles.Noise"/>.</summary>
public sealed class PreprocessingTests
{
    [Theory]
    [InlineData(64, 48, 3, 32, 24, 0x069DBE39u)]
    [InlineData(50, 37, 3, 23, 31, 0x01DDA399u)]
    [InlineData(20, 20, 3, 57, 41, 0x7679D218u)]
    [InlineData(31, 17, 1, 9, 40, 0xAB6FDD0Bu)]
    [InlineData(7, 5, 3, 7, 2, 0x093BE33Eu)]
    [InlineData(7, 5, 3, 3, 5, 0xE37F7445u)]
    [InlineData(300, 200, 3, 1, 1, 0xE54D3674u)]
    [InlineData(3, 1000, 3, 3, 7, 0x142973FAu)]
    [InlineData(97, 61, 3, 96, 60, 0x46A8252Au)]
    [InlineData(128, 128, 3, 32, 32, 0xD3453EB0u)]
    public void Resizing_equals_Pillow_bit_for_bit(int width, int height, int channels, int newWidth, int newHeight, uint crc)
    {
        var resized = Resampling.Resize(Noise(width, height, channels), newWidth, newHeight, new CropWindow(0, 0, newWidth, newHeight));
        Assert.Equal((newWidth, newHeight, channels), (resized.Width, resized.Height, resized.Channels));
        Assert.Equal(crc, Crc32.Of(resized.Pixels.Span));
    }

    [Theory]
    [InlineData(ResamplingFilter.Bicubic, 64, 48, 3, 32, 24, 0x9BC1EC31u)]
    [InlineData(ResamplingFilter.Lanczos, 64, 48, 3, 32, 24, 0xA49D5557u)]
    [InlineData(ResamplingFilter.Bicubic, 50, 37, 3, 23, 31, 0xEA5650F7u)]
    [InlineData(ResamplingFilter.Lanczos, 50, 37, 3, 23, 31, 0x55B875D8u)]
    [InlineData(ResamplingFilter.Bicubic, 20, 20, 3, 57, 41, 0x7DE4D3A0u)]
    [InlineData(ResamplingFilter.Lanczos, 20, 20, 3, 57, 41, 0xEEC6A722u)]
    [InlineData(ResamplingFilter.Bicubic, 31, 17, 1, 9, 40, 0xA8EBC94Au)]
    [InlineData(ResamplingFilter.Lanczos, 31, 17, 1, 9, 40, 0x3329CE02u)]
    [InlineData(ResamplingFilter.Bicubic, 300, 200, 3, 1, 1, 0xE54D3674u)]
    [InlineData(ResamplingFilter.Lanczos, 300, 200, 3, 1, 1, 0xE54D3674u)]
    [InlineData(ResamplingFilter.Bicubic, 128, 128, 3, 32, 32, 0x502DE6EAu)]
    [InlineData(ResamplingFilter.Lanczos, 128, 128, 3, 32, 32, 0xC33448F0u)]
    public void Other_filters_equal_Pillow_bit_for_bit(ResamplingFilter filter, int width, int height, int channels, int newWidth, int newHeight, uint crc) =>
        Assert.Equal(crc, Crc32.Of(Resampling.Resize(Noise(width, height, channels), newWidth, newHeight, new CropWindow(0, 0, newWidth, newHeight), filter).Pixels.Span));

    [Fact]
    public void Resizing_by_hand_two_to_one()
    {
        // Scale 2, support 2: the four taps around output 1 of 3 (inputs 1..4) weigh 1/8, 3/8, 3/8, 1/8; at the left edge inputs
        // 0..2 weigh 3/7, 3/7, 1/7. The row 0 80 160 240 80 0 becomes 57 (400/7), 170 (1360/8), 80 (3/7 of 80 + 1/7 of 240 = 68.57).
        var row = new Image(6, 1, 1, new byte[] { 0, 80, 160, 240, 80, 0 });
        Assert.Equal(new byte[] { 57, 170, 69 }, Resampling.Resize(row, 3, 1, new CropWindow(0, 0, 3, 1)).Pixels.ToArray());
    }

    [Theory]
    [InlineData(81, 60, 40, 35, 0x518FBC70u)]
    [InlineData(60, 81, 40, 35, 0x5E4E3824u)]
    [InlineData(33, 32, 32, 32, 0x7870F081u)]
    [InlineData(500, 100, 25, 25, 0xA8134610u)]
    [InlineData(45, 45, 64, 56, 0xEE08A589u)]
    [InlineData(100, 67, 37, 32, 0xF5A64EE9u)]
    public void Resize_and_centre_crop_round_as_torchvision(int width, int height, int resize, int crop, uint crc)
    {
        var preprocessing = Preprocessing.Raw with { ResizeShorterSide = resize, CenterCrop = crop };
        Assert.Equal(crc, Crc32.Of(preprocessing.Fit(Noise(width, height, 3)).Pixels.Span));
    }

    [Fact]
    public void Cropping_while_resizing_equals_cropping_afterwards()
    {
        var source = Noise(83, 57, 3);
        var whole = Resampling.Resize(source, 50, 34, new CropWindow(0, 0, 50, 34));
        var window = new CropWindow(7, 11, 30, 20);
        var cropped = Resampling.Resize(source, 50, 34, window);
        for (var y = 0; y < window.Height; y++)
            Assert.Equal(whole.Pixels.Slice(((y + window.Top) * 50 + window.Left) * 3, window.Width * 3).ToArray(), cropped.Pixels.Slice(y * window.Width * 3, window.Width * 3).ToArray());
    }

    [Fact]
    public void Normalisation_is_planar_and_rounds_as_torchvision()
    {
        var image = Noise(5, 4, 3);
        var preprocessing = Preprocessing.Cifar10 with { ResizeShorterSide = null, CenterCrop = null };
        var chw = new float[3 * 5 * 4];
        preprocessing.Apply(image, chw);
        for (var c = 0; c < 3; c++)
            for (var p = 0; p < 20; p++)
                Assert.Equal((image.Pixels.Span[3 * p + c] / 255f - preprocessing.Mean[c]) / preprocessing.Std[c], chw[20 * c + p]);
    }

    [Fact]
    public void Grey_and_colour_are_converted_to_what_the_network_takes()
    {
        var colour = new Image(2, 1, 3, new byte[] { 12, 200, 77, 255, 0, 0 });
        var grey = new float[2];
        (Preprocessing.Raw with { Mean = [0], Std = [1] }).Apply(colour, grey);
        Assert.Equal([130f, 76f], grey); // Pillow's convert("L")

        var planes = new float[6];
        Preprocessing.Raw.Apply(new Image(2, 1, 1, new byte[] { 7, 9 }), planes);
        Assert.Equal([7f, 9, 7, 9, 7, 9], planes);
    }

    [Fact]
    public void Json_round_trips_and_is_compact()
    {
        Preprocessing[] others =
        [
            Preprocessing.Inception with { Filter = ResamplingFilter.Bicubic, Bgr = true, Layout = ImageLayout.Nhwc },
            Preprocessing.Raw with { ResizeTo = new PixelSize(640, 480), CenterCrop = new PixelSize(600, 400), Filter = ResamplingFilter.Lanczos },
            Preprocessing.Mnist with { ResizeShorterSide = null, CenterCrop = new PixelSize(20, 24), Layout = ImageLayout.Nchw },
        ];
        foreach (var preprocessing in PreprocessingCatalog.All.Select(known => known.Value).Concat(others))
            Assert.Equal(preprocessing, Preprocessing.FromJson(preprocessing.ToJson()));
        Assert.Equal("""{"resize":256,"crop":224,"scale":0.00392156862745098,"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}""", Preprocessing.ImageNet.ToJson());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"resize":256,"crop":224,"scale":1,"mean":[0,0,0]}""")] // std is missing
    [InlineData("""{"resize":256,"crop":224,"scale":1,"mean":[0,0,0],"std":[1,1,1],"gamma":2}""")] // unknown
    [InlineData("""{"resize":256,"crop":224,"scale":1,"mean":[0,0,0],"std":[1,1,1],"scale":2}""")] // twice
    [InlineData("""{"resize":256,"crop":224,"scale":1,"mean":[0,0,0],"std":[1,1]}""")]
    [InlineData("""{"resize":256,"crop":224,"scale":1,"mean":[0,0,0],"std":[1,0,1]}""")]
    [InlineData("""{"resize":256,"crop":224,"scale":1,"mean":[0,0],"std":[1,1]}""")]
    [InlineData("""{"resize":256,"crop":224,"scale":1,"mean":null,"std":[1,1]}""")]
    [InlineData("""{"resize":0,"crop":224,"scale":1,"mean":[0,0,0],"std":[1,1,1]}""")]
    [InlineData("""{"resize":224,"crop":256,"scale":1,"mean":[0,0,0],"std":[1,1,1]}""")]
    [InlineData("""{"resize":256,"crop":1000000,"scale":1,"mean":[0,0,0],"std":[1,1,1]}""")]
    [InlineData("""{"resize":256,"crop":224,"scale":-1,"mean":[0,0,0],"std":[1,1,1]}""")]
    [InlineData("""{"resize":256,"crop":224,"scale":1,"mean":[0,0,1e999],"std":[1,1,1]}""")]
    public void Wrong_json_is_refused(string json) => Assert.Throws<PithException>(() => Preprocessing.FromJson(json));

    [Theory]
    [InlineData("resize=299,crop=299,mean=0.5,std=0.5,bgr,bicubic,stretch,nhwc", """{"resize":299,"crop":299,"scale":0.00392156862745098,"mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5],"stretch":true,"filter":"bicubic","order":"bgr","layout":"nhwc"}""")]
    [InlineData("imagenet,resize=232,bicubic", """{"resize":232,"crop":224,"scale":0.00392156862745098,"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225],"filter":"bicubic"}""")]
    [InlineData("inception,resize=256,crop=240", """{"resize":256,"crop":240,"scale":0.00392156862745098,"mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5]}""")]
    [InlineData("resize=640x480,std=0.229/0.224/0.225", """{"resize":[640,480],"crop":null,"scale":0.00392156862745098,"mean":[0,0,0],"std":[0.229,0.224,0.225],"stretch":true}""")]
    [InlineData("scale=1,mean=103.939/116.779/123.68,bgr", """{"resize":null,"crop":null,"scale":1,"mean":[103.939,116.779,123.68],"std":[1,1,1],"order":"bgr"}""")]
    [InlineData("grey,crop=28x20,scale=1/127.5,mean=1", """{"resize":null,"crop":[28,20],"scale":0.00784313725490196,"mean":[1],"std":[1]}""")]
    [InlineData("lanczos", """{"resize":null,"crop":null,"scale":0.00392156862745098,"mean":[0,0,0],"std":[1,1,1],"filter":"lanczos"}""")]
    [InlineData("""{ "resize": 256, "mean": 0.5, /* all channels */ "std": [0.5, 0.4, 0.3], }""", """{"resize":256,"crop":null,"scale":0.00392156862745098,"mean":[0.5,0.5,0.5],"std":[0.5,0.4,0.3]}""")]
    [InlineData("mnist", """{"resize":28,"crop":28,"scale":0.00392156862745098,"mean":[0.1307],"std":[0.3081]}""")]
    public void Users_say_it_by_name_fields_or_json(string text, string json) => Assert.Equal(Preprocessing.FromJson(json), Preprocessing.Parse(text));

    [Fact]
    public void A_file_says_it_too()
    {
        using var folder = new ScratchFolder();
        File.WriteAllText(Path.Combine(folder.Path, "input.json"), """{"resize": 299, "stretch": true, "mean": 0.5, "std": 0.5}""");
        Assert.Equal(Preprocessing.Inception, Preprocessing.Parse(Path.Combine(folder.Path, "input.json")));
        File.WriteAllText(Path.Combine(folder.Path, "wrong.json"), """{"resize": 299, "size": 3}""");
        var message = Assert.Throws<PithException>(() => Preprocessing.Parse(Path.Combine(folder.Path, "wrong.json"))).Message;
        Assert.Contains("wrong.json", message, StringComparison.Ordinal);
        Assert.Contains("'resize'", message, StringComparison.Ordinal);
        Assert.Contains("none.json", Assert.Throws<PithException>(() => Preprocessing.Parse(Path.Combine(folder.Path, "none.json"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("imagnet", "'imagenet'")]
    [InlineData("resize=299,imagenet", "comes first")]
    [InlineData("resize=many", "'resize'")]
    [InlineData("resize=0", "'resize'")]
    [InlineData("resize=-5", "'resize'")]
    [InlineData("resize=224,crop=256", "'crop'")]
    [InlineData("resize=300x200,crop=256", "'crop'")]
    [InlineData("std=0", "'std'")]
    [InlineData("std=nan", "'std'")]
    [InlineData("mean=0.1/0.2/0.3/0.4", "'mean'")]
    [InlineData("stretch=yes", "'stretch'")]
    [InlineData("filter=box", "bicubic")]
    [InlineData("order=rbg", "bgr")]
    [InlineData("", "imagenet")]
    [InlineData("=", "FIELD=VALUE")]
    [InlineData("{", "")]
    [InlineData("""{"mean":null}""", "'mean'")]
    [InlineData("""{"channels":2}""", "'channels'")]
    public void What_makes_no_sense_is_named(string text, string named) =>
        Assert.Contains(named, Assert.Throws<PithException>(() => Preprocessing.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Stretching_reordering_and_layouts_do_what_they_say()
    {
        var image = Noise(30, 20, 3);
        var plain = Preprocessing.Raw with { ResizeTo = new PixelSize(8, 6) };
        Assert.Equal(new ImageShape(3, 6, 8), plain.OutputShape(30, 20));
        var (rgb, bgr) = (new float[3 * 48], new float[3 * 48]);
        plain.Apply(image, rgb);
        (plain with { Bgr = true, Mean = [1, 2, 3] }).Apply(image, bgr);
        for (var c = 0; c < 3; c++)
            for (var p = 0; p < 48; p++) Assert.Equal(rgb[(2 - c) * 48 + p] - (c + 1), bgr[c * 48 + p]);
    }

    [Fact]
    public void Every_built_in_network_says_how_images_become_its_input()
    {
        foreach (var model in Pith.Models.ModelCatalog.All.Where(model => !model.TakesTokens))
        {
            // Another resolution, which also keeps the large ones fast.
            var resolution = model.Resolution == 32 ? 32 : model.Resolution / 2;
            var graph = model.Build(new Pith.Models.ModelOptions { Resolution = resolution, Classes = 3 });
            var preprocessing = Preprocessing.FromJson(graph.Metadata[Preprocessing.MetadataKey]);
            Assert.Equal(new ImageShape(3, resolution, resolution), preprocessing.OutputShape(500, 375));
            Assert.Equal(model.Name.StartsWith("efficientnet", StringComparison.Ordinal) ? ResamplingFilter.Bicubic : ResamplingFilter.Bilinear, preprocessing.Filter);
        }
    }

    [Fact]
    public void A_crop_larger_than_the_image_says_what_to_set()
    {
        var preprocessing = Preprocessing.Raw with { CenterCrop = 32 };
        var message = Assert.Throws<PithException>(() => preprocessing.OutputShape(40, 20)).Message;
        Assert.Contains("resize", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_very_long_image_needs_no_more_memory_than_its_crop()
    {
        // 1 x 60000 resized to 256 x 15,360,000: only the central 224 x 224 are computed.
        var chw = new float[3 * 224 * 224];
        var before = GC.GetAllocatedBytesForCurrentThread();
        Preprocessing.ImageNet.Apply(Noise(1, 60_000, 3), chw);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    private static Image Noise(int width, int height, int channels) => new(width, height, channels, TestFiles.Noise(width * height * channels));
}
