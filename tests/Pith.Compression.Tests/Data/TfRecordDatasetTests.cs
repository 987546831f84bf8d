using System.Buffers.Binary;
using System.Text;
using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

/// <summary>TFRecord files made by hand: framing, checksums and messages are written here independently.</summary>
public sealed class TfRecordDatasetTests : IDisposable
{
    private const string ImageName = "image/encoded", LabelName = "image/class/label";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Checksums_are_those_of_tensorflow()
    {
        // RFC 3720: CRC-32C of 32 zeros is 8A9136AA; masked as in tensorflow/core/lib/hash/crc32c.h.
        var crc = 0x8A9136AAu;
        Assert.Equal(unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8u), TfRecordFile.MaskedCrc(new byte[32]));
        Assert.Equal(Masked("123456789"u8), TfRecordFile.MaskedCrc("123456789"u8));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Images_and_labels_are_read_from_examples(bool imageFirst, bool isPacked)
    {
        _folder.Write("train-00000-of-00002", File(Example(10, 0, imageFirst, isPacked), Example(11, 3, imageFirst, isPacked)));
        _folder.Write("train-00001-of-00002", File(Example(12, 1, imageFirst, isPacked)));
        foreach (var path in (string[])["", "/train-*", $"/train-00000-of-00002,{_folder.Path}/train-00001-of-00002"])
        {
            var data = DatasetCatalog.Open($"tfrecord:{_folder.Path}{path}");
            Assert.Equal(["10:0", "11:3", "12:1"], Reds(data));
            Assert.Equal(4, data.ClassNames.Count);
            Assert.Equal(ContentKey.Of(ImageNetDatasetTests.Pixel(11)), data.Content(1, whole: true));
        }
    }

    [Fact]
    public void Records_are_shuffled_over_all_files_and_the_order_goes_on_where_it_stopped()
    {
        for (var file = 0; file < 2; file++) _folder.Write($"train-0000{file}-of-00002", File([.. Enumerable.Range(0, 20).Select(record => Example((byte)(20 * file + record), record))]));
        var loader = new BatchLoader(DatasetCatalog.Open($"tfrecord:{_folder.Path}"), Preprocessing.Raw, new() { BatchSize = 10, Shuffle = true, Seed = 1 });
        float[] Reds(IEnumerable<Batch> batches) => [.. batches.SelectMany(batch => batch.ImagesInUse.ToArray().Chunk(3).Select(pixel => pixel[0]))];
        var order = Reds(loader.Epoch(3));
        Assert.Equal(Enumerable.Range(0, 40).Select(red => (float)red), order.Order());
        // A batch of records that follow each other would be a shuffle of files, or of a buffer.
        Assert.All(order.Chunk(10), batch => Assert.True(batch.Count(red => red < 20) is >= 2 and <= 8, string.Join(' ', batch)));
        Assert.Equal(order[20..], Reds(loader.Batches(3, 2, 4, new LoadingTimes())));
    }

    [Fact]
    public void Where_labels_begin_is_said_not_guessed()
    {
        _folder.Write("a.tfrecord", File(Example(10, 1), Example(11, 1000)));
        var path = $"tfrecord:{_folder.Path}/a.tfrecord";
        Assert.Contains("labels are 1 to 1000", Refused(path), StringComparison.Ordinal);
        Assert.Equal(["10:0", "11:999"], Reds(DatasetCatalog.Open(path + "?first-label=1")));
        Assert.Equal(["10:1", "11:1000"], Reds(DatasetCatalog.Open(path + "?first-label=0")));
        Assert.Contains("0 to 1", Refused(path + "?first-label=2"), StringComparison.Ordinal);
        _folder.Write("a.tfrecord", File(Example(10, 1), Example(11, 0)));
        Assert.Contains("record 1 at byte", Refused(path + "?first-label=1"), StringComparison.Ordinal);
    }

    [Fact]
    public void Features_may_have_other_names()
    {
        _folder.Write("imagenet2012-train.tfrecord-00000-of-00001", File(Message(Feature("image", Bytes(ImageNetDatasetTests.Pixel(7))), Feature("label", Integers(false, 0)), Feature("file_name", Bytes("x.JPEG"u8.ToArray())))));
        _folder.Write("imagenet2012-validation.tfrecord-00000-of-00001", File(Message(Feature("image", Bytes(ImageNetDatasetTests.Pixel(8))), Feature("label", Integers(false, 0)))));
        Assert.Contains("?split=train", Refused("tfrecord:" + _folder.Path), StringComparison.Ordinal);
        var failure = Refused($"tfrecord:{_folder.Path}?split=train");
        Assert.Contains("record 0 at byte 12", failure, StringComparison.Ordinal);
        Assert.Contains("'image', 'label', 'file_name'", failure, StringComparison.Ordinal);
        Assert.Equal(["7:0"], Reds(DatasetCatalog.Open($"tfrecord:{_folder.Path}?split=train,image=image,label=label")));
        Assert.Equal(["8:0"], Reds(DatasetCatalog.Open($"tfrecord:{_folder.Path}?split=validation,image=image,label=label")));
        Assert.Contains("no feature 'class'", Refused($"tfrecord:{_folder.Path}?split=train,image=image,label=class"), StringComparison.Ordinal);
    }

    [Fact]
    public void Images_without_labels_serve_for_calibration()
    {
        _folder.Write("test-00000-of-00001", File(Message(Feature(ImageName, Bytes(ImageNetDatasetTests.Pixel(1)))), Example(2, -1)));
        var data = DatasetCatalog.Open("tfrecord:" + _folder.Path);
        Assert.False(data.HasLabels);
        Assert.Equal(["1:-1", "2:-1"], Reds(data));
        _folder.Write("test-00000-of-00001", File(Example(2, 0), Message(Feature(ImageName, Bytes(ImageNetDatasetTests.Pixel(1))))));
        Assert.Contains("1 of 2 records have no label, the first is record 1", Refused("tfrecord:" + _folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_length_is_found_when_the_file_is_opened_and_a_damaged_image_when_it_is_loaded()
    {
        var (first, second) = (Record(Example(10, 0)), Record(Example(11, 1)));
        byte[] file = [.. first, .. second];
        string Damaged(int at)
        {
            byte[] bytes = [.. file];
            bytes[at] ^= 1;
            _folder.Write("a.tfrecord", bytes);
            var failure = Assert.Throws<PithException>(() => Reds(DatasetCatalog.Open($"tfrecord:{_folder.Path}/a.tfrecord")).Count()).Message;
            Assert.Contains("a.tfrecord", failure, StringComparison.Ordinal);
            return failure;
        }
        Assert.Contains($"record 1, length at byte {first.Length}: its checksum is", Damaged(first.Length), StringComparison.Ordinal);
        Assert.Contains($"record 1, length at byte {first.Length}: its checksum is", Damaged(first.Length + 9), StringComparison.Ordinal);
        var pixel = file.AsSpan(first.Length).IndexOf(ImageNetDatasetTests.Pixel(11)) + first.Length + 56;
        Assert.Contains($"record 1, content at byte {first.Length + 12}: its checksum is", Damaged(pixel), StringComparison.Ordinal);
        Assert.Contains("record 1, content", Damaged(file.Length - 1), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "record 1, is cut short")]
    [InlineData(5, "record 1, is cut short")]
    public void A_file_that_is_cut_short_is_refused(int bytes, string message)
    {
        _folder.Write("a.tfrecord", File(Example(10, 0), Example(11, 1))[..^bytes]);
        Assert.Contains(message, Refused($"tfrecord:{_folder.Path}/a.tfrecord"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_a_file_of_examples_is_refused()
    {
        string Of(byte[] bytes)
        {
            _folder.Write("a.tfrecord", bytes);
            return Refused($"tfrecord:{_folder.Path}/a.tfrecord");
        }
        Assert.Contains("gzip", Of(TestFiles.Gzip(File(Example(1, 0)))), StringComparison.Ordinal);
        Assert.Contains("empty", Of([]), StringComparison.Ordinal);
        Assert.Contains("not a TFRecord file", Of([.. Enumerable.Repeat((byte)'x', 100)]), StringComparison.Ordinal);
        Assert.Contains("no feature 'image/encoded'", Of(File([[]])), StringComparison.Ordinal);
        Assert.Contains("record 0 at byte 12", Of(File("hello"u8.ToArray())), StringComparison.Ordinal);
        Assert.Contains("not a list of bytes", Of(File(Message(Feature(ImageName, Integers(false, 1))))), StringComparison.Ordinal);
        Assert.Contains("several values", Of(File(Message(Feature(ImageName, Bytes([1])), Feature(LabelName, Integers(true, 1, 2))))), StringComparison.Ordinal);
        Assert.Contains("label -5", Of(File(Message(Feature(ImageName, Bytes([1])), Feature(LabelName, Integers(false, -5))))), StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_files_either_read_or_are_refused()
    {
        var example = Example(10, 0);
        for (var seed = 0; seed < 600; seed++)
        {
            // Half of them with checksums that are right: then it is the message that is damaged.
            _folder.Write("a.tfrecord", seed % 2 == 0 ? Mutation.Of(File(example, example), seed) : File(Mutation.Of(example, seed)));
            Mutation.Survives(seed, () => _ = Reds(DatasetCatalog.Open($"tfrecord:{_folder.Path}/a.tfrecord")).ToArray());
        }
    }

    private static string Refused(string spec) => Assert.Throws<PithException>(() => DatasetCatalog.Open(spec)).Message;

    private static IEnumerable<string> Reds(ImageDataset data) => Enumerable.Range(0, data.Count).Select(i => $"{data.Load(i).Image!.Pixels.Span[0]}:{data.Label(i)}");

    private static byte[] Example(int red, long label, bool imageFirst = false, bool isPacked = false)
    {
        byte[][] features = [Feature("image/height", Integers(isPacked, 1)), Feature(LabelName, Integers(isPacked, label)), Feature("image/object/bbox/xmin", Field(2, Field(1, [0, 0, 0, 0]))), Feature(ImageName, Bytes(ImageNetDatasetTests.Pixel(red)))];
        return Message(imageFirst ? [.. features.Reverse()] : features);
    }

    private static byte[] Message(params byte[][] features) => Field(1, [.. features.SelectMany(feature => feature)]);

    private static byte[] Feature(string name, byte[] feature) => Field(1, [.. Field(1, Encoding.UTF8.GetBytes(name)), .. Field(2, feature)]);

    private static byte[] Bytes(byte[] value) => Field(1, Field(1, value));

    private static byte[] Integers(bool isPacked, params long[] values) =>
        Field(3, isPacked ? Field(1, [.. values.SelectMany(value => Varint((ulong)value))]) : [.. values.SelectMany(value => (byte[])[8, .. Varint((ulong)value)])]);

    private static byte[] Field(int number, byte[] content) => [(byte)(number << 3 | 2), .. Varint((ulong)content.Length), .. content];

    private static byte[] Varint(ulong value) => value < 0x80 ? [(byte)value] : [(byte)(value | 0x80), .. Varint(value >> 7)];

    private static byte[] File(params byte[][] records) => [.. records.SelectMany(Record)];

    private static byte[] Record(byte[] content)
    {
        var (length, lengthCrc, crc) = (new byte[8], new byte[4], new byte[4]);
        BinaryPrimitives.WriteInt64LittleEndian(length, content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(lengthCrc, Masked(length));
        BinaryPrimitives.WriteUInt32LittleEndian(crc, Masked(content));
        return [.. length, .. lengthCrc, .. content, .. crc];
    }

    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78);
        }
        crc = ~crc;
        return unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8u);
    }
}
