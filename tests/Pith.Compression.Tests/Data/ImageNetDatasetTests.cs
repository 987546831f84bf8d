using System.Formats.Tar;
using System.Text;
using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

/// <summary>ImageNet-2012 in the forms that it is distributed and unpacked in, with images of one pixel whose red tells them apart.</summary>
public sealed class ImageNetDatasetTests : IDisposable
{
    private const string Tench = "n01440764", KitFox = "n02119789", Great = "n01484850";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.V7)]
    public void Training_images_are_read_inside_the_archive_of_archives(TarEntryFormat format)
    {
        _folder.Write("ILSVRC2012_img_train.tar", Train(format));
        var data = DatasetCatalog.Open("imagenet:" + _folder.Path);
        Assert.Equal(["20:1", "21:1", "10:0"], Reds(data));
        Assert.Equal([Tench, KitFox], data.ClassNames);
        Assert.True(data.IsNumberedByName);
        Assert.Equal(["20:1", "21:1", "10:0"], Reds(DatasetCatalog.Open("imagenet:" + Path.Combine(_folder.Path, "ILSVRC2012_img_train.tar"))));
    }

    [Fact]
    public void What_the_archives_unpack_to_is_the_same_data()
    {
        _folder.Write($"a/train/{KitFox}.tar", Archive((KitFox + "_0.JPEG", Pixel(20)), (KitFox + "_1.JPEG", Pixel(21))));
        _folder.Write($"a/train/{Tench}.tar", Archive((Tench + "_0.JPEG", Pixel(10))));
        foreach (var (name, red) in new[] { ($"{KitFox}/{KitFox}_0.JPEG", 20), ($"{KitFox}/{KitFox}_1.JPEG", 21), ($"{Tench}/{Tench}_0.JPEG", 10) }) _folder.Write("b/ILSVRC/Data/CLS-LOC/train/" + name, Pixel(red));
        _folder.Write("c/ILSVRC2012_img_train.tar", Train(TarEntryFormat.Gnu));
        var expected = (string[])["10:0", "20:1", "21:1"];
        ImageDataset[] all = [.. new[] { "a", "b", "b/ILSVRC/Data/CLS-LOC/train", "c" }.Select(name => DatasetCatalog.Open("imagenet:" + Path.Combine(_folder.Path, name)))];
        Assert.All(all, data => Assert.Equal(expected, Reds(data).Order()));
        // An image is the same, wherever it lies.
        foreach (var whole in (bool[])[true, false]) Assert.Single(all.Select(data => data.Content(Enumerable.Range(0, 3).Single(i => data.Label(i) == 0), whole)).Distinct());
    }

    [Fact]
    public void A_list_of_classes_numbers_and_names_them()
    {
        _folder.Write("ILSVRC2012_img_train.tar", Train(TarEntryFormat.Gnu));
        _folder.Write("LOC_synset_mapping.txt", Encoding.UTF8.GetBytes($"{Tench} tench, Tinca tinca\n{Great} great white shark\n{KitFox} kit fox\n"));
        var data = DatasetCatalog.Open("imagenet:" + _folder.Path);
        Assert.Equal(["20:2", "21:2", "10:0"], Reds(data));
        Assert.Equal(["tench, Tinca tinca", "great white shark", "kit fox"], data.ClassNames);
        Assert.False(data.IsNumberedByName);
        _folder.Write("LOC_synset_mapping.txt", Encoding.UTF8.GetBytes($"{Tench} tench\n"));
        Assert.Contains($"class '{KitFox}'", Refused("imagenet:" + _folder.Path), StringComparison.Ordinal);
    }

    // Number 1 is the kit fox, 2 the tench: not the order of the IDs.
    [Theory]
    [InlineData("ILSVRC2012_validation_ground_truth.txt", "2\n1\n1\n", "map_clsloc.txt", "n02119789 1 kit_fox\nn01440764 2 tench\n", "")]
    [InlineData("ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", "2\n1\n1\n", "synsets.txt", "1 n02119789 kit fox\n2 n01440764 tench\n", "")]
    [InlineData("ILSVRC2012_validation_ground_truth.txt", "2\n1\n1\n", "synsets.txt", "n02119789\nn01440764\n", "")]
    [InlineData("ILSVRC2012_validation_ground_truth.txt", "1\r\n2\r\n2\r\n", "LOC_synset_mapping.txt", "n01440764 tench\nn02119789 kit fox\n", "?ids=sorted")]
    [InlineData("imagenet_2012_validation_synset_labels.txt", "n01440764\nn02119789\nn02119789\n", "LOC_synset_mapping.txt", "n01440764 tench\nn02119789 kit fox\n", "")]
    [InlineData("LOC_val_solution.csv", "ImageId,PredictionString\nILSVRC2012_val_00000003,n02119789 1 2 3 4 \nILSVRC2012_val_00000001,n01440764 85 1 499 272\nILSVRC2012_val_00000002,n02119789 1 1 1 1\n", "LOC_synset_mapping.txt", "n01440764 tench\nn02119789 kit fox\n", "")]
    [InlineData("val.txt", "ILSVRC2012_val_00000001.JPEG 0\nILSVRC2012_val_00000002.JPEG 1\nILSVRC2012_val_00000003.JPEG 1\n", "LOC_synset_mapping.txt", "n01440764 tench\nn02119789 kit fox\n", "")]
    public void Validation_images_get_their_classes_from_a_list(string truth, string classes, string synsets, string names, string options)
    {
        _folder.Write("ILSVRC2012_img_val.tar", Validation());
        _folder.Write(truth, Encoding.UTF8.GetBytes(classes));
        _folder.Write(synsets, Encoding.UTF8.GetBytes(names));
        var data = DatasetCatalog.Open($"imagenet:{_folder.Path}{options}");
        Assert.Equal(["2:1", "1:0", "3:1"], Reds(data));
        Assert.Equal(2, data.ClassNames.Count);
        // The archive unpacked, beside the same lists.
        File.Delete(Path.Combine(_folder.Path, "ILSVRC2012_img_val.tar"));
        foreach (var i in (int[])[1, 2, 3]) _folder.Write($"val/ILSVRC2012_val_{i:00000000}.JPEG", Pixel(i));
        Assert.Equal(["1:0", "2:1", "3:1"], Reds(DatasetCatalog.Open($"imagenet:{_folder.Path}{options}")));
    }

    [Fact]
    public void The_development_kit_is_read_where_it_is_packed()
    {
        _folder.Write("ILSVRC2012_img_val.tar", Validation());
        _folder.Write("ILSVRC2012_devkit_t12.tar.gz", TestFiles.Gzip(Archive(("ILSVRC2012_devkit_t12/readme.txt", [1]), ("ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", "2\n1\n1\n"u8.ToArray()))));
        Assert.Contains("map_clsloc.txt", Refused("imagenet:" + _folder.Path), StringComparison.Ordinal);
        _folder.Write("map_clsloc.txt", Encoding.UTF8.GetBytes($"{KitFox} 1 kit_fox\n{Tench} 2 tench\n"));
        Assert.Equal(["2:1", "1:0", "3:1"], Reds(DatasetCatalog.Open("imagenet:" + _folder.Path)));
    }

    [Fact]
    public void Numbers_are_not_guessed()
    {
        _folder.Write("ILSVRC2012_img_val.tar", Validation());
        Assert.Contains("ILSVRC2012_validation_ground_truth.txt", Refused("imagenet:" + _folder.Path), StringComparison.Ordinal);
        _folder.Write("ILSVRC2012_validation_ground_truth.txt", "2\n1\n1\n"u8.ToArray());
        _folder.Write("LOC_synset_mapping.txt", Encoding.UTF8.GetBytes($"{Tench} tench\n{KitFox} kit fox\n"));
        Assert.Contains("?ids=sorted", Refused("imagenet:" + _folder.Path), StringComparison.Ordinal);
        _folder.Write("ILSVRC2012_validation_ground_truth.txt", "2\n1\n"u8.ToArray());
        Assert.Contains("has 2 lines, none for number 3", Refused($"imagenet:{_folder.Path}?ids=sorted"), StringComparison.Ordinal);
        _folder.Write("ILSVRC2012_validation_ground_truth.txt", "2\n1\n3\n"u8.ToArray());
        Assert.Contains("line 3: class 3", Refused($"imagenet:{_folder.Path}?ids=sorted"), StringComparison.Ordinal);
        _folder.Write("ILSVRC2012_validation_ground_truth.txt", "2\nzebra\n3\n"u8.ToArray());
        Assert.Contains("line 2", Refused($"imagenet:{_folder.Path}?ids=sorted"), StringComparison.Ordinal);
    }

    [Fact]
    public void Both_parts_need_a_choice()
    {
        _folder.Write("ILSVRC2012_img_train.tar", Train(TarEntryFormat.Gnu));
        _folder.Write("ILSVRC2012_img_val.tar", Validation());
        _folder.Write("val.txt", "ILSVRC2012_val_00000001.JPEG 0\nILSVRC2012_val_00000002.JPEG 1\nILSVRC2012_val_00000003.JPEG 1\n"u8.ToArray());
        Assert.Contains("?split=train or ?split=val", Refused("imagenet:" + _folder.Path), StringComparison.Ordinal);
        Assert.Equal(3, DatasetCatalog.Open($"imagenet:{_folder.Path}?split=train").Count);
        Assert.Equal(["2:1", "1:0"], Reds(DatasetCatalog.Open($"imagenet:{_folder.Path}?split=val,first=2")));
        Assert.Contains("got 'test'", Refused($"imagenet:{_folder.Path}?split=test"), StringComparison.Ordinal);
    }

    [Fact]
    public void Shuffled_epochs_are_the_same_for_the_same_seed()
    {
        _folder.Write("ILSVRC2012_img_train.tar", Train(TarEntryFormat.Gnu, count: 20));
        var data = DatasetCatalog.Open("imagenet:" + _folder.Path);
        float[] Order(int seed) => [.. new BatchLoader(data, Preprocessing.Raw with { Scale = 1 }, new BatchLoaderOptions { BatchSize = 4, Shuffle = true, Seed = seed }).Epoch().SelectMany(batch => Enumerable.Range(0, batch.Count).Select(i => batch.Images[batch.Shape.Elements * i])).ToArray()];
        Assert.Equal(Order(1), Order(1));
        Assert.NotEqual(Order(1), Order(2));
        Assert.Equal(Order(1).Order(), Order(2).Order());
    }

    [Fact]
    public void Damaged_archives_are_refused_with_file_and_position()
    {
        var train = Train(TarEntryFormat.Ustar);
        string Damaged(byte[] bytes)
        {
            _folder.Write("ILSVRC2012_img_train.tar", bytes);
            var failure = Refused("imagenet:" + _folder.Path);
            Assert.Contains("ILSVRC2012_img_train.tar", failure, StringComparison.Ordinal);
            return failure;
        }
        byte[] flipped = [.. train];
        flipped[512 + 1] ^= 4; // the name in the first header of the inner archive
        Assert.Contains("header at byte 512: its checksum is", Damaged(flipped), StringComparison.Ordinal);
        Assert.Contains("cut short", Damaged(train[..(train.Length / 2)]), StringComparison.Ordinal);
        Assert.Contains("cut short", Damaged(train[..^1024]), StringComparison.Ordinal);
        Assert.Contains("gunzip", Damaged(TestFiles.Gzip(train)), StringComparison.Ordinal);
        Assert.Contains("tar archive", Damaged([.. Enumerable.Repeat((byte)'x', 2048)]), StringComparison.Ordinal);
        Assert.Contains("holds no image", Damaged(new byte[1024]), StringComparison.Ordinal);
        Assert.Contains("expected an image", Damaged(Archive(($"{Tench}/{Tench}_0.JPEG", []))), StringComparison.Ordinal);
        for (var seed = 0; seed < 300; seed++)
        {
            _folder.Write("ILSVRC2012_img_train.tar", Mutation.Of(train, seed));
            Mutation.Survives(seed, () => _ = Reds(DatasetCatalog.Open("imagenet:" + _folder.Path)).ToArray());
        }
    }

    [Fact]
    public void A_damaged_image_is_named_as_it_lies_in_the_archive()
    {
        _folder.Write("ILSVRC2012_img_train.tar", Archive(($"{Tench}/{Tench}_7.JPEG", [1, 2, 3])));
        var data = DatasetCatalog.Open("imagenet:" + _folder.Path);
        Assert.Contains($"ILSVRC2012_img_train.tar:{Tench}/{Tench}_7.JPEG", Assert.Throws<PithException>(() => data.Load(0)).Message, StringComparison.Ordinal);
    }

    private static string Refused(string spec) => Assert.Throws<PithException>(() => DatasetCatalog.Open(spec)).Message;

    // RED:LABEL of each image.
    private static IEnumerable<string> Reds(ImageDataset data) => Enumerable.Range(0, data.Count).Select(i => $"{data.Load(i).Image!.Pixels.Span[0]}:{data.Label(i)}");

    // Two images of the kit fox before one of the tench.
    private static byte[] Train(TarEntryFormat format, int count = 1) => Archive(format,
        (KitFox + ".tar", Archive(format, (KitFox + "_0.JPEG", Pixel(20)), (KitFox + "_1.JPEG", Pixel(21)))),
        (Tench + ".tar", Archive(format, [.. Enumerable.Range(0, count).Select(i => ($"{Tench}_{i}.JPEG", Pixel(10 + (count > 1 ? 20 : 0) + i)))])));

    private static byte[] Validation() => Archive(new[] { 2, 1, 3 }.Select(i => ($"ILSVRC2012_val_{i:00000000}.JPEG", Pixel(i))).ToArray());

    private static byte[] Archive(params (string Name, byte[] Content)[] files) => Archive(TarEntryFormat.Gnu, files);

    private static byte[] Archive(TarEntryFormat format, params (string Name, byte[] Content)[] files)
    {
        using var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, format, leaveOpen: true))
            foreach (var (name, content) in files)
            {
                System.Formats.Tar.TarEntry entry = format switch
                {
                    TarEntryFormat.V7 => new V7TarEntry(TarEntryType.V7RegularFile, name),
                    TarEntryFormat.Ustar => new UstarTarEntry(TarEntryType.RegularFile, name),
                    TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, name, [new("comment", "é")]),
                    _ => new GnuTarEntry(TarEntryType.RegularFile, name),
                };
                entry.DataStream = new MemoryStream(content);
                writer.WriteEntry(entry);
            }
        return stream.ToArray();
    }

    /// <summary>A BMP file of one pixel.</summary>
    internal static byte[] Pixel(int red) =>
        [(byte)'B', (byte)'M', 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)red, 0];
}
