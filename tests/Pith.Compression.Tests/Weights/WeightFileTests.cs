using System.IO.Compression;
using System.Text;
using Pith.Compression.Tests.Data;
using Pith.Compression.Weights;

namespace Pith.Compression.Tests.Weights;

/// <summary>Files of weights: what they may hold, and what is refused.</summary>
public sealed class WeightFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Strides_offsets_and_shared_storages_are_honoured(bool longIntegers)
    {
        var pickle = new TorchPickle { LongIntegers = longIntegers }.Raw("}("u8);
        pickle.Text("all").Tensor("FloatStorage", "0", 12, 0, [3, 4], [4, 1]);
        pickle.Text("turned").Tensor("FloatStorage", "0", 12, 0, [4, 3], [1, 4]);
        pickle.Text("part").Tensor("FloatStorage", "0", 12, 5, [2, 2], [4, 1]);
        pickle.Text("expanded").Tensor("FloatStorage", "0", 12, 2, [2, 3], [0, 1]);
        pickle.Text("one").Tensor("FloatStorage", "0", 12, 11, [], []);
        pickle.Text("none").Tensor("FloatStorage", "0", 12, 0, [0, 4], [4, 1]);
        using var file = Open("net.pth", TorchSave.Archive([("data.pkl", pickle.Raw("u"u8).Ended), ("data/0", Tensor.Vector(Enumerable.Range(0, 12).Select(i => (float)i).ToArray()).Bytes.ToArray())]));
        float[] Read(string name) => file.Read(file.Tensors.Single(tensor => tensor.Name == name)).As<float>().Data;
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], Read("all"));
        Assert.Equal([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], Read("turned"));
        Assert.Equal([5, 6, 9, 10], Read("part"));
        Assert.Equal([2, 3, 4, 2, 3, 4], Read("expanded"));
        Assert.Equal([11], Read("one"));
        Assert.Empty(Read("none"));
    }

    [Theory]
    [InlineData("state_dict")]
    [InlineData("model")]
    [InlineData("model_state_dict")]
    public void The_state_dict_of_a_checkpoint_is_found(string entry)
    {
        // {'epoch': 90, 'best_acc1': tensor, entry: OrderedDict(...), 'optimizer': {'state': {0: ...}, 'param_groups': [{'lr': 0.1}]}}
        var bytes = TorchSave.Zip([new("fc.bias", Tensor.Vector(1f, 2))],
            pickle => pickle.Raw("}("u8).Text("epoch").Integer(90).Text("best_acc1").Tensor("FloatStorage", "0", 2, 0, [], []).Text(entry),
            pickle => pickle.Text("optimizer").Raw("}("u8).Text("state").Raw("}"u8).Integer(0).Raw("}"u8).Raw("s"u8).Text("param_groups").Raw("]}"u8).Text("lr").Raw([(byte)'G', 0x3F, 0xB9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A]).Raw("sauu"u8));
        using var file = Open("net.pt", bytes);
        Assert.Equal("fc.bias f32[2]", Assert.Single(file.Tensors).ToString());
        Assert.Contains($"'{entry}'", Assert.Single(file.Notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("torchvision.models.resnet", "ResNet")]
    [InlineData("torch", "load")]
    public void Names_that_tensors_do_not_need_are_refused_by_name(string module, string name)
    {
        var marker = _folder.File("executed");
        foreach (var call in new[] { new TorchPickle().Global(module, name), new TorchPickle().Text(module).Text(name).Raw([0x93]) })
        {
            var pickle = call.Text("touch " + marker).Raw([0x85, (byte)'R']).Ended;
            Assert.Contains($"'{module}.{name}'", Refused("net.pth", TorchSave.Archive([("data.pkl", pickle)])), StringComparison.Ordinal);
            Assert.Contains($"'{module}.{name}'", Refused("net.pth", pickle), StringComparison.Ordinal);
        }
        Assert.Contains($"'{module}.{name}'", Refused("net.pth", TorchSave.Archive([("data.pkl", new TorchPickle().Raw(Encoding.ASCII.GetBytes($"(i{module}\n{name}\n")).Ended)])), StringComparison.Ordinal);
        Assert.False(File.Exists(marker));
    }

    [Theory]
    [InlineData(12, 0, 3, 6)] // past the end
    [InlineData(12, 4, 3, 4)]
    [InlineData(12, long.MaxValue, 1, 1)]
    [InlineData(12, -1, 1, 1)]
    [InlineData(12, 0, int.MaxValue, long.MaxValue)]
    [InlineData(12, 0, 1L << 40, 1)]
    [InlineData(long.MaxValue, 0, 3, 4)] // the storage is shorter than it claims
    [InlineData(13, 0, 3, 4)]
    [InlineData(12, 0, 100_000_000, 0)] // memory out of nothing
    public void Views_that_a_storage_cannot_hold_are_refused(long elements, long offset, long size, long stride)
    {
        var pickle = new TorchPickle().Raw("}"u8).Text("w").Tensor("FloatStorage", "0", elements, offset, [size], [stride]).Raw("s"u8).Ended;
        var before = GC.GetAllocatedBytesForCurrentThread();
        Refused("net.pth", TorchSave.Archive([("data.pkl", pickle), ("data/0", new byte[48])]));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }

    [Fact]
    public void What_is_not_a_state_dict_says_what_it_is()
    {
        var tensor = new TorchPickle().Tensor("FloatStorage", "0", 1, 0, [], []).Ended;
        Assert.Contains("one tensor", Refused("net.pth", TorchSave.Archive([("data.pkl", tensor)])), StringComparison.Ordinal);
        Assert.Contains("without tensors", Refused("net.pth", TorchSave.Archive([("data.pkl", new TorchPickle().Raw("}"u8).Text("epoch").Integer(3).Raw("s"u8).Ended)])), StringComparison.Ordinal);
        Assert.Contains("TorchScript", Refused("net.pth", TorchSave.Archive([("data.pkl", tensor), ("constants.pkl", tensor)])), StringComparison.Ordinal);
        Assert.Contains("byte order 'big'", Refused("net.pth", TorchSave.Archive([("data.pkl", tensor), ("byteorder", "big"u8.ToArray())])), StringComparison.Ordinal);
        Assert.Contains("torch.save", Refused("net.pth", new TorchPickle().Raw("}"u8).Ended), StringComparison.Ordinal);
        Assert.Contains("neither a zip file", Refused("net.pth", "hello"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains(".safetensors, .pth", Refused("net.h5", [1, 2, 3]), StringComparison.Ordinal);
        Assert.Contains("empty", Refused("net.pth", []), StringComparison.Ordinal);
    }

    [Fact]
    public void A_flipped_bit_is_found_by_the_checksum()
    {
        foreach (var name in (string[])["net.pth", "net.npz"])
        {
            var path = _folder.File(name);
            WeightFile.Write(path, [new("w", Tensor.Create(new Shape(64), Enumerable.Repeat(1.5f, 64).ToArray()))]);
            var bytes = File.ReadAllBytes(path);
            if (name == "net.npz") bytes = Stored(path);
            var at = bytes.AsSpan().IndexOf(Enumerable.Repeat((byte[])[0, 0, 0xC0, 0x3F], 4).SelectMany(b => b).ToArray());
            bytes[at + 3] ^= 1;
            File.WriteAllBytes(path, bytes);
            using var file = WeightFile.Open(path);
            Assert.Contains("checksum", Assert.Throws<PithException>(() => file.Read(file.Tensors[0])).Message, StringComparison.Ordinal);
        }

        // numpy.savez does not compress.
        byte[] Stored(string path)
        {
            using var stream = new MemoryStream();
            using (var from = ZipFile.OpenRead(path))
            using (var to = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            {
                using var source = from.Entries[0].Open();
                using var target = to.CreateEntry(from.Entries[0].FullName, CompressionLevel.NoCompression).Open();
                source.CopyTo(target);
            }
            return stream.ToArray();
        }
    }

    [Fact]
    public void A_zip_bomb_is_refused_before_it_unpacks()
    {
        var zeros = new byte[100_000_000];
        var pickle = new TorchPickle().Raw("}"u8).Text("w").Tensor("FloatStorage", "0", zeros.Length / 4, 0, [1], [1]).Raw("s"u8).Ended;
        Assert.Contains("at most", Refused("net.pth", TorchSave.Archive([("data.pkl", zeros)], level: CompressionLevel.Fastest)), StringComparison.Ordinal);
        using var file = Open("net.pth", TorchSave.Archive([("data.pkl", pickle), ("data/0", zeros)], level: CompressionLevel.Fastest));
        Assert.Equal([0f], file.Read(file.Tensors[0]).As<float>().Data);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, null)]
    [InlineData("""{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}     """, 8, null)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}""", 16, "gap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 12, "appended")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "cut short")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807]}}""", 8, "8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551616]}}""", 8, "offset")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", 8, "offset -8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[65536,65536,65536,65536],"data_offsets":[0,0]}}""", 0, "elements")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}}""", 8, "size -1")]
    [InlineData("""{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}""", 8, "C64")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, "data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "twice")]
    [InlineData("""{"a":[[[[[[[[[[[[1]]]]]]]]]]]]}""", 0, "JSON")]
    [InlineData("""[1]""", 0, "JSON object")]
    [InlineData("""{"a":""", 0, "JSON")]
    public void Headers_of_safetensors_are_checked(string header, int dataBytes, string? message)
    {
        byte[] file = [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. new byte[dataBytes]];
        if (message is not null) Assert.Contains(message, Refused("net.safetensors", file), StringComparison.Ordinal);
        else
        {
            using var opened = Open("net.safetensors", file);
            Assert.Equal(0, opened.Read(opened.Tensors.Single(tensor => tensor.Name == "a")).Bytes[0]);
        }
    }

    [Theory]
    [InlineData(0xFFFFFFFFFFFFFFFFul)]
    [InlineData(1ul << 40)]
    [InlineData(100ul)]
    public void A_huge_header_takes_no_memory(ulong length)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("header", Refused("net.safetensors", [.. BitConverter.GetBytes(length), (byte)'{', (byte)'}']), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Every_type_round_trips_or_widens()
    {
        foreach (var ending in (string[])[".safetensors", ".pth", ".npz"])
            foreach (var type in Enum.GetValues<DataType>().Where(type => (ending, type) != (".pth", DataType.UInt64)))
            {
                var tensor = Tensor.Create(new Shape(2, 3), [0f, 1, 2, 3, 4, 5]).ConvertTo(type);
                var path = _folder.File("types" + ending);
                WeightFile.Write(path, [new("x", tensor)]);
                using var file = WeightFile.Open(path);
                var read = file.Read(Assert.Single(file.Tensors));
                Assert.True(tensor.Shape == read.Shape && tensor.Bytes.SequenceEqual(read.ConvertTo(type).Bytes), $"{ending} {type}");
            }
    }

    [Fact]
    public void Damaged_files_either_read_or_are_refused()
    {
        KeyValuePair<string, Tensor>[] tensors = [new("conv.weight", Tensor.Create(new Shape(2, 3), [1f, 2, 3, 4, 5, 6])), new("bn.running_var", Tensor.Vector(1f, 2)), new("n", Tensor.Scalar(7L))];
        WeightFile.Write(_folder.File("a.safetensors"), tensors);
        WeightFile.Write(_folder.File("a.npz"), tensors);
        File.WriteAllBytes(_folder.File("a.pth"), TorchSave.Zip(tensors));
        File.WriteAllBytes(_folder.File("a.pt"), TorchSave.Legacy(tensors));
        foreach (var name in (string[])["a.safetensors", "a.npz", "a.pth", "a.pt"])
        {
            var original = File.ReadAllBytes(_folder.File(name));
            for (var seed = 0; seed < 400; seed++)
            {
                // The first half is cut off somewhere, the other changed.
                var damaged = seed < 100 ? original[..(seed * original.Length / 100)] : Mutation.Of(original, seed);
                File.WriteAllBytes(_folder.File("m" + Path.GetExtension(name)), damaged);
                Mutation.Survives(seed, () =>
                {
                    using var file = WeightFile.Open(_folder.File("m" + Path.GetExtension(name)));
                    foreach (var tensor in file.Tensors) _ = file.Read(tensor);
                });
            }
        }
    }

    private WeightFile Open(string name, byte[] bytes)
    {
        File.WriteAllBytes(_folder.File(name), bytes);
        return WeightFile.Open(_folder.File(name));
    }

    private string Refused(string name, byte[] bytes)
    {
        var failure = Assert.Throws<PithException>(() =>
        {
            using var file = Open(name, bytes);
            foreach (var tensor in file.Tensors) _ = file.Read(tensor);
        });
        Assert.Contains(name, failure.Message, StringComparison.Ordinal);
        return failure.Message;
    }
}
