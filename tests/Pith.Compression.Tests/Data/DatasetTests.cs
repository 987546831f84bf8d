using System.Buffers.Binary;
using System.Text;
using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

public sealed class DatasetTests
{
    [Fact]
    public void Cifar10_reads_plain_and_compressed_files_in_the_order_given()
    {
        using var folder = new ScratchFolder();
        var plain = folder.Write("data_batch_1.bin", CifarRecords(3, 0));
        var compressed = folder.Write("data_batch_2.bin.gz", TestFiles.Gzip(CifarRecords(2, 7)));
        var dataset = DatasetCatalog.Open($"cifar10:{compressed},{plain}");
        Assert.Equal([7, 8, 0, 1, 2], Enumerable.Range(0, dataset.Count).Select(dataset.Label));
        Assert.Equal("airplane", dataset.ClassNames[0]);

        var image = dataset.Load(3).Image!; // record 1 of the plain file: planes of the values 1, 2 and 3
        Assert.Equal(new ImageShape(3, 32, 32), dataset.Shape);
        Assert.Equal(new byte[] { 1, 2, 3, 1, 2, 3 }, image.Pixels[..6].ToArray());
    }

    [Fact]
    public void Cifar10_folder_with_both_parts_wants_to_know_which()
    {
        using var folder = new ScratchFolder();
        folder.Write("data_batch_1.bin", CifarRecords(3, 0));
        folder.Write("data_batch_2.bin.gz", TestFiles.Gzip(CifarRecords(4, 0)));
        folder.Write("test_batch.bin", CifarRecords(2, 0));
        Assert.Contains("split=train", Assert.Throws<PithException>(() => DatasetCatalog.Open($"cifar10:{folder.Path}")).Message, StringComparison.Ordinal);
        Assert.Equal(7, DatasetCatalog.Open($"cifar10:{folder.Path}?split=train").Count);
        Assert.Equal(2, DatasetCatalog.Open($"cifar10:{folder.Path}?split=test").Count);
        Assert.Equal(3, DatasetCatalog.Open($"cifar10:{folder.Path}/data_batch_*.bin").Count);
        Assert.Equal(5, DatasetCatalog.Open($"cifar10:{folder.Path}?split=train,not-every=4").Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3072)]
    [InlineData(3074)]
    public void Cifar10_file_of_another_size_is_refused(int bytes)
    {
        using var folder = new ScratchFolder();
        var path = folder.Write("data_batch_1.bin", new byte[bytes]);
        Assert.Contains("3073", Assert.Throws<PithException>(() => DatasetCatalog.Open($"cifar10:{path}")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cifar10_label_above_nine_names_the_record()
    {
        using var folder = new ScratchFolder();
        var path = folder.Write("data_batch_1.bin", CifarRecords(4, 7));
        Assert.Contains("record 3", Assert.Throws<PithException>(() => DatasetCatalog.Open($"cifar10:{path}")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Truncated_or_foreign_gzip_is_refused()
    {
        using var folder = new ScratchFolder();
        var whole = TestFiles.Gzip(TestFiles.Noise(5 * 3073).Select(b => (byte)(b % 10)).ToArray());
        foreach (var bytes in new[] { whole[..(whole.Length / 2)], [1, 2, 3], [] })
        {
            var path = folder.Write("data_batch_1.bin.gz", bytes);
            Assert.Throws<PithException>(() => DatasetCatalog.Open($"cifar10:{path}"));
        }
    }

    [Fact]
    public void Mnist_reads_a_folder_and_a_single_file()
    {
        using var folder = new ScratchFolder();
        folder.Write("train-images-idx3-ubyte.gz", TestFiles.Gzip(IdxImages(4, 28, 28)));
        folder.Write("train-labels-idx1-ubyte.gz", TestFiles.Gzip(IdxLabels(3, 1, 4, 1)));
        var test = folder.Write("t10k-images-idx3-ubyte", IdxImages(2, 28, 28));
        folder.Write("t10k-labels-idx1-ubyte", IdxLabels(9, 0));

        var train = DatasetCatalog.Open($"mnist:{folder.Path}?split=train");
        Assert.Equal([3, 1, 4, 1], Enumerable.Range(0, 4).Select(train.Label));
        Assert.Equal(new ImageShape(1, 28, 28), train.Shape);
        Assert.Equal(TestFiles.Noise(2 * 784)[784..], train.Load(1).Image!.Pixels.ToArray());
        Assert.Equal(2, DatasetCatalog.Open($"mnist:{test}").Count);
        Assert.Equal(2, DatasetCatalog.Open($"mnist:{folder.Path}?split=test").Count);
        Assert.Contains("split=", Assert.Throws<PithException>(() => DatasetCatalog.Open($"mnist:{folder.Path}")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mnist_with_wrong_headers_is_refused()
    {
        using var folder = new ScratchFolder();
        folder.Write("t10k-labels-idx1-ubyte", IdxLabels(9, 0));
        foreach (var images in new[] { IdxImages(3, 28, 28), IdxImages(2, 28, 28)[..^1], IdxLabels(1, 2), [0, 0, 8], IdxImages(0, 28, 28), HugeIdx() })
        {
            var path = folder.Write("t10k-images-idx3-ubyte", images);
            Assert.Throws<PithException>(() => DatasetCatalog.Open($"mnist:{path}"));
        }
    }

    [Fact]
    public void ImageFolder_numbers_classes_by_folder_name_or_by_the_list()
    {
        using var folder = new ScratchFolder();
        folder.Write("images/zebra/2.PNG", TestFiles.Read("rgb8.png"));
        folder.Write("images/zebra/1.jpg", TestFiles.Read("baseline420.jpg"));
        folder.Write("images/ant/a.jpeg", TestFiles.Read("progressive.jpg"));
        folder.Write("images/ant/notes.txt", [1]);
        var plain = DatasetCatalog.Open($"imagefolder:{folder.Path}/images");
        Assert.Equal(["ant", "zebra"], plain.ClassNames);
        Assert.Equal([0, 1, 1], Enumerable.Range(0, 3).Select(plain.Label));
        Assert.Equal(43, plain.Load(1).Image!.Width);
        Assert.Equal(19, plain.Load(2).Image!.Width);

        folder.Write("classes.txt", Encoding.UTF8.GetBytes("# index folder name\n5 zebra striped horse\r\n\n2 ant\n7 yak yak\n"));
        foreach (var path in new[] { folder.Path, folder.Path + "/images" })
        {
            var listed = DatasetCatalog.Open($"imagefolder:{path}");
            Assert.Equal([2, 5, 5], Enumerable.Range(0, 3).Select(listed.Label));
            Assert.Equal(["class 0", "class 1", "ant", "class 3", "class 4", "striped horse", "class 6", "yak"], listed.ClassNames);
        }
    }

    [Fact]
    public void Hidden_folders_are_no_classes_and_nested_images_count_for_theirs()
    {
        using var folder = new ScratchFolder();
        var png = TestFiles.Read("rgb8.png");
        foreach (var name in new[] { ".cache/0.png", "dog/0.png", "dog/.hidden.png", "cat/b/deep/1.png", "cat/a/0.png", "cat/notes.txt", "dog/raw.cr2", "dog/noname", "stray.png" }) folder.Write("set/" + name, png);
        Directory.CreateDirectory(Path.Combine(folder.Path, "set/empty"));
        var notes = new NoteList();
        var dataset = DatasetCatalog.Open($"imagefolder:{folder.Path}/set", notes);
        Assert.Equal(["cat", "dog", "empty"], dataset.ClassNames);
        Assert.Equal([0, 0, 1], Enumerable.Range(0, dataset.Count).Select(dataset.Label));
        var all = string.Join('\n', notes.Messages);
        Assert.Contains("3 files were left out", all, StringComparison.Ordinal);
        Assert.Contains("1 .cr2, 1 .txt, 1 without a suffix", all, StringComparison.Ordinal);
        Assert.Contains("1 image lies directly in", all, StringComparison.Ordinal);
        Assert.Contains("2 images lie deeper", all, StringComparison.Ordinal);
        Assert.Contains("'empty'", all, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_parts_is_refused_and_a_link_that_leads_back_is_not_followed_for_ever()
    {
        using var folder = new ScratchFolder();
        var png = TestFiles.Read("rgb8.png");
        folder.Write("set/train/cat/0.png", png);
        folder.Write("set/val/cat/0.png", png);
        Assert.Contains("imagefolder:", Assert.Throws<PithException>(() => DatasetCatalog.Open($"imagefolder:{folder.Path}/set")).Message, StringComparison.Ordinal);
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "set/train/cat/again"), Path.Combine(folder.Path, "set/train/cat"));
        Assert.Equal(1, DatasetCatalog.Open($"imagefolder:{folder.Path}/set/train").Count);
    }

    [Fact]
    public void A_flat_folder_has_images_without_labels()
    {
        using var folder = new ScratchFolder();
        folder.Write("b.png", TestFiles.Read("rgb8.png"));
        folder.Write("a.jpg", TestFiles.Read("baseline420.jpg"));
        var dataset = DatasetCatalog.Open($"imagefolder:{folder.Path}?first=2");
        Assert.False(dataset.HasLabels);
        Assert.Equal(ImageDataset.NoLabel, dataset.Label(0));
        Assert.Equal(43, dataset.Load(0).Image!.Width);
    }

    [Theory]
    [InlineData("zebra\nant\n", 1, 0)] // folders in the order of the classes
    [InlineData("yak\nzebra\r\n\nant", 2, 1)]
    [InlineData("small insect\nstriped horse\n", 0, 1)] // what the classes are called
    public void A_list_of_plain_names_numbers_the_classes(string list, int ant, int zebra)
    {
        using var folder = new ScratchFolder();
        folder.Write("zebra/1.jpg", [1]);
        folder.Write("ant/1.jpg", [1]);
        folder.Write("classes.txt", Encoding.UTF8.GetBytes(list));
        var dataset = DatasetCatalog.Open($"imagefolder:{folder.Path}");
        Assert.Equal([ant, zebra], Enumerable.Range(0, 2).Select(dataset.Label));
    }

    [Fact]
    public void Orientation_is_an_option_of_image_folders()
    {
        using var folder = new ScratchFolder();
        folder.Write("a/1.png", TestFiles.Read("rgb8.png"));
        Assert.Equal(1, DatasetCatalog.Open($"imagefolder:{folder.Path}?orientation=exif,first=1").Count);
        Assert.Contains("expects exif or stored", Assert.Throws<PithException>(() => DatasetCatalog.Open($"imagefolder:{folder.Path}?orientation=left")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_compressed_file_that_unpacks_to_more_than_the_limit_is_refused()
    {
        using var folder = new ScratchFolder();
        var path = Path.Combine(folder.Path, "bomb.bin.gz");
        using (var gzip = new System.IO.Compression.GZipStream(File.Create(path), System.IO.Compression.CompressionLevel.Fastest))
            for (var megabytes = 0; megabytes <= 1024; megabytes++) gzip.Write(new byte[1 << 20]);
        Assert.Contains("1073741824", Assert.Throws<PithException>(() => DatasetCatalog.Open($"cifar10:{path}")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0 ant ant\n")] // zebra is missing
    [InlineData("0 ant ant\n0 zebra zebra\n")]
    [InlineData("0 ant ant\n1 ant ant\n2 zebra\n")]
    [InlineData("ant zebra\n")]
    [InlineData("99999999 ant ant\n0 zebra\n")]
    [InlineData("")]
    public void A_wrong_list_of_classes_is_refused(string list)
    {
        using var folder = new ScratchFolder();
        folder.Write("zebra/1.jpg", [1]);
        folder.Write("ant/1.jpg", [1]);
        folder.Write("classes.txt", Encoding.UTF8.GetBytes(list));
        Assert.Throws<PithException>(() => DatasetCatalog.Open($"imagefolder:{folder.Path}"));
    }

    [Fact]
    public void Npz_takes_images_of_any_layout()
    {
        using var folder = new ScratchFolder();
        var labels = Tensor.Vector<int>(4, 0);
        var hwc = TestFiles.Noise(2 * 5 * 4 * 3);
        var chw = new byte[hwc.Length];
        for (var i = 0; i < hwc.Length; i++) chw[i / 60 * 60 + i % 3 * 20 + i % 60 / 3] = hwc[i];
        foreach (var images in new[] { Tensor.Create(new Shape(2, 5, 4, 3), hwc), Tensor.Create(new Shape(2, 3, 5, 4), chw) })
        {
            var dataset = NpzDataset.Create(images, labels, "x");
            Assert.Equal(new ImageShape(3, 5, 4), dataset.Shape);
            Assert.Equal(hwc[60..], dataset.Load(1).Image!.Pixels.ToArray());
            Assert.Equal(4, dataset.Label(0));
            Assert.Equal(5, dataset.ClassNames.Count);
        }

        var path = Path.Combine(folder.Path, "mnist.npz");
        Npz.Write(path, new Dictionary<string, Tensor>
        {
            ["x_train"] = Tensor.Zeros<byte>(new Shape(3, 28, 28)),
            ["y_train"] = Tensor.Zeros<byte>(new Shape(3, 1)),
            ["x_test"] = Tensor.Zeros<double>(new Shape(2, 1, 28, 28)),
            ["y_test"] = Tensor.Zeros<long>(new Shape(2)),
        });
        Assert.Equal(new ImageShape(1, 28, 28), DatasetCatalog.Open($"npz:{path}?split=train").Load(2).Shape);
        Assert.Equal(784, DatasetCatalog.Open($"npz:{path}?split=test").Load(1).Values.Length);
        Assert.Contains("split=", Assert.Throws<PithException>(() => DatasetCatalog.Open($"npz:{path}")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Npz_arrays_that_do_not_fit_are_refused()
    {
        void Refused(Tensor images, Tensor labels) => Assert.Throws<PithException>(() => NpzDataset.Create(images, labels, "x"));
        var images = Tensor.Zeros<byte>(new Shape(2, 4, 4));
        Refused(images, Tensor.Vector<int>(1));
        Refused(images, Tensor.Vector<int>(1, -1));
        Refused(images, Tensor.Vector<long>(1, 1L << 40));
        Refused(images, Tensor.Vector<float>(1, 1));
        Refused(Tensor.Zeros<byte>(new Shape(2, 4, 4, 2)), Tensor.Vector<int>(1, 1));
        Refused(Tensor.Zeros<int>(new Shape(2, 3, 4, 4)), Tensor.Vector<int>(1, 1));
        Refused(Tensor.Zeros<byte>(new Shape(0, 4, 4)), Tensor.Zeros<int>(new Shape(0)));
    }

    [Fact]
    public void Damaged_files_either_open_or_are_refused()
    {
        using var folder = new ScratchFolder();
        folder.Write("t10k-labels-idx1-ubyte", IdxLabels(9, 0));
        for (var seed = 0; seed < 300; seed++)
        {
            var cifar = folder.Write("test_batch.bin", Mutation.Of(CifarRecords(2, 0), seed));
            var zipped = folder.Write("test_batch.bin.gz", Mutation.Of(TestFiles.Gzip(CifarRecords(2, 0)), seed));
            var idx = folder.Write("t10k-images-idx3-ubyte", Mutation.Of(IdxImages(2, 4, 4), seed));
            foreach (var spec in new[] { $"cifar10:{cifar}", $"cifar10:{zipped}", $"mnist:{idx}" }) Mutation.Survives(seed, () => DatasetCatalog.Open(spec));
        }
    }

    private static byte[] CifarRecords(int count, int firstLabel)
    {
        var bytes = new byte[count * 3073];
        for (var i = 0; i < count; i++)
        {
            bytes[i * 3073] = (byte)(firstLabel + i);
            for (var c = 0; c < 3; c++) bytes.AsSpan(i * 3073 + 1 + c * 1024, 1024).Fill((byte)(i + c));
        }
        return bytes;
    }

    private static byte[] IdxImages(int count, int height, int width) => [.. Idx(0x803, count, height, width), .. TestFiles.Noise(count * height * width)];

    private static byte[] IdxLabels(params byte[] labels) => [.. Idx(0x801, labels.Length), .. labels];

    /// <summary>Three axes whose product overflows 64 bits to a small number.</summary>
    private static byte[] HugeIdx() => Idx(0x803, int.MinValue, int.MinValue, 4);

    private static byte[] Idx(int magic, params int[] axes)
    {
        var bytes = new byte[4 + 4 * axes.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, magic);
        for (var i = 0; i < axes.Length; i++) BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 + 4 * i), axes[i]);
        return bytes;
    }
}
