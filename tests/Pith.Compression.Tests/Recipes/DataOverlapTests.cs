using Pith.Compression.Data;
using Pith.Compression.Tests.Data;

namespace Pith.Compression.Tests.Recipes;

public sealed class DataOverlapTests
{
    [Fact]
    public void Images_are_known_by_content_whatever_their_path()
    {
        using var folder = new ScratchFolder();
        for (var i = 0; i < 4; i++) folder.Write($"a/x/{i}.png", [1, 2, 3, (byte)i]);
        for (var i = 0; i < 4; i++) folder.Write($"b/x/{i}.png", [9, 2, 3, (byte)i]);
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "link"), Path.Combine(folder.Path, "a"));
        folder.Write("c/y/copy.png", [1, 2, 3, 2]);
        folder.Write("c/y/own.png", [7]);

        Check($"imagefolder:{folder.Path}/a", $"imagefolder:{folder.Path}/b", null);
        Check($"imagefolder:{folder.Path}/a", $"imagefolder:{folder.Path}/b/../a", "share 4 images");
        Check($"imagefolder:{folder.Path}/a", $"imagefolder:{folder.Path}/link", "share 4 images");
        Check($"imagefolder:{folder.Path}/a", $"imagefolder:{folder.Path}/c", "share 1 image.");
        Check($"imagefolder:{folder.Path}/a?first=2", $"imagefolder:{folder.Path}/link?range=2..4", null);
        Check("procedural:count=100", "procedural:count=50?range=10..20", "share 10 images");
        Check("procedural:count=100", "procedural:count=100,seed=1", null);
    }

    [Fact]
    public void Large_files_that_start_alike_are_compared_to_the_end()
    {
        using var folder = new ScratchFolder();
        var (first, second) = (new byte[10000], new byte[10000]);
        second[9999] = 1;
        folder.Write("a/x/0.png", first);
        folder.Write("b/x/0.png", second);
        Check($"imagefolder:{folder.Path}/a", $"imagefolder:{folder.Path}/b", null);
    }

    [Fact]
    public void Very_few_shared_images_of_independent_sets_are_noted()
    {
        var images = Tensor.Create(new Shape(2000, 2, 2), TestFiles.Noise(8000));
        var other = Tensor.Create(new Shape(2000, 2, 2), [.. images.Data[..4], .. TestFiles.Noise(8000 + 7996)[8000..]]);
        var labels = Tensor.Zeros<int>(new Shape(2000));
        var notes = new NoteList();
        DataOverlap.Refuse([("Training", NpzDataset.Create(images, labels, "one")), ("validation", NpzDataset.Create(other, labels, "two")), ("test", null)], notes);
        Assert.Contains("share 1 image.", Assert.Single(notes.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void A_duplicate_in_the_data_does_not_keep_its_parts_from_being_used_apart()
    {
        using var folder = new ScratchFolder();
        // Images 3 and 1003 of the training part are equal, and image 5 of the test part is one of the training part.
        var (train, test) = (Records(2100, seed: 1), Records(1000, seed: 2));
        train.AsSpan(3 * 3073, 3073).CopyTo(train.AsSpan(1003 * 3073));
        train.AsSpan(7 * 3073, 3073).CopyTo(test.AsSpan(5 * 3073));
        folder.Write("data_batch_1.bin", train);
        folder.Write("test_batch.bin", test);
        Warning("?split=train,range=0..1000", "?split=train,range=1000..2000");
        Warning("?split=train", "?split=test");
        Check($"cifar10:{folder.Path}?split=train,range=0..1001", $"cifar10:{folder.Path}?split=train,range=1000..2000", "share 2 images");
        Check($"cifar10:{folder.Path}?split=train,range=4..1051", $"cifar10:{folder.Path}?split=train,range=1050..2100", "share 1 image.");

        void Warning(string first, string second)
        {
            var notes = new NoteList();
            DataOverlap.Refuse([("Training", DatasetCatalog.Open($"cifar10:{folder.Path}{first}")), ("test", DatasetCatalog.Open($"cifar10:{folder.Path}{second}"))], notes);
            Assert.Contains("share 1 image.", Assert.Single(notes.Messages), StringComparison.Ordinal);
        }
    }

    // CIFAR-10 records: a label, then 3072 bytes.
    private static byte[] Records(int count, int seed)
    {
        var bytes = new byte[count * 3073];
        new Random(seed).NextBytes(bytes);
        for (var at = 0; at < bytes.Length; at += 3073) bytes[at] = 0;
        return bytes;
    }

    private static void Check(string first, string second, string? message)
    {
        var (a, b) = (DatasetCatalog.Open(first), DatasetCatalog.Open(second));
        if (message is null) DataOverlap.Refuse([("Training", a), ("test", b)], null);
        else Assert.Contains(message, Assert.Throws<PithException>(() => DataOverlap.Refuse([("Training", a), ("test", b)], null)).Message, StringComparison.Ordinal);
    }
}
