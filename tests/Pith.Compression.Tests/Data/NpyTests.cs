using System.IO.Compression;
using System.Text;
using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

public sealed class NpyTests
{
    [Fact]
    public void The_bytes_are_those_that_numpy_writes()
    {
        // numpy.save of numpy.array([[1, 2, 3]], dtype=numpy.float32): the header is padded with spaces to 128 bytes in all.
        var file = Bytes(Tensor.Create(new Shape(1, 3), new float[] { 1, 2, 3 }));
        var header = "\u0093NUMPY\u0001\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }".PadRight(127) + "\n";
        Assert.Equal(Encoding.Latin1.GetBytes(header).Concat(new byte[] { 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64 }), file);
    }

    [Fact]
    public void Every_element_type_and_rank_round_trips()
    {
        foreach (var type in Enum.GetValues<DataType>())
            foreach (var shape in new[] { new Shape(), new Shape(5), new Shape(0, 3), new Shape(2, 3, 4) })
            {
                var tensor = Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(i => i * 1.25f).ToArray()).ConvertTo(type);
                var read = Npy.Read(new MemoryStream(Bytes(tensor)), "x");
                // NumPy has no types of 4 bits, no bfloat16 and no 8-bit floats: they come back as a wider type with the same values.
                var isWider = type.IsPacked() || type.IsFloat8() || type == DataType.BFloat16;
                Assert.Equal((!isWider, shape), (read.DataType == type, read.Shape));
                Assert.True(tensor.Bytes.SequenceEqual(read.ConvertTo(type).Bytes), $"{type}{shape}");
            }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_version_of_the_format_is_read(int version) =>
        Assert.Equal([7L, -1], Npy.Read(new MemoryStream(File(version, "{'shape': (2,), 'fortran_order': False, 'descr': '<i8'}", [7, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255])), "x").ToInt64s());

    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "ascontiguousarray")]
    [InlineData("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "little-endian")]
    [InlineData("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "little-endian")]
    [InlineData("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "descr")]
    [InlineData("{'descr': '<f4', 'shape': (1,), }", "fortran_order")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, }", "shape")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "shape")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }", "shape")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2000000000, 2000000000), }", "elements")]
    [InlineData("{'descr': '<f8', 'fortran_order': False, 'shape': (2000000000,), }", "bytes")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "cut short")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", "after")]
    public void What_a_tensor_cannot_hold_is_refused(string header, string message)
    {
        var failure = Assert.Throws<PithException>(() => Npy.Read(new MemoryStream(File(1, header, [0, 0, 0, 0])), "weights.npy"));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_false_shape_takes_no_memory_that_the_file_does_not_fill()
    {
        var file = File(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (500000000,), }", new byte[100]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<PithException>(() => Npy.Read(new MemoryStream(file), "x"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
    }

    [Fact]
    public void Damaged_arrays_either_read_or_are_refused()
    {
        var original = Bytes(Tensor.Create(new Shape(3, 4), Enumerable.Range(0, 12).ToArray()));
        for (var seed = 0; seed < 500; seed++)
        {
            var bytes = Mutation.Of(original, seed);
            Mutation.Survives(seed, () => Npy.Read(new MemoryStream(bytes), "mutated"));
        }
    }

    [Fact]
    public void Archives_round_trip_and_are_reproducible()
    {
        using var folder = new ScratchFolder();
        var (first, second) = (Path.Combine(folder.Path, "a.npz"), Path.Combine(folder.Path, "b.npz"));
        var arrays = new Dictionary<string, Tensor> { ["x"] = Tensor.Vector<float>(1, 2), ["block/0/y"] = Tensor.Zeros<byte>(new Shape(100, 100)) };
        Npz.Write(first, arrays);
        Npz.Write(second, arrays);
        Assert.Equal(System.IO.File.ReadAllBytes(first), System.IO.File.ReadAllBytes(second));
        Assert.Equal(["x", "block/0/y"], Npz.Names(first));
        Assert.Equal([1f, 2f], Npz.Read(first, "x").As<float>().Data);
        Assert.Equal(new Shape(100, 100), Npz.Read(first, "block/0/y").Shape);
        Assert.Contains("x, block/0/y", Assert.Throws<PithException>(() => Npz.Read(first, "z")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_archives_either_read_or_are_refused()
    {
        using var folder = new ScratchFolder();
        var path = Path.Combine(folder.Path, "a.npz");
        Npz.Write(path, new Dictionary<string, Tensor> { ["x"] = Tensor.Zeros<float>(new Shape(40)), ["y"] = Tensor.Vector<int>(1, 2, 3) });
        var original = System.IO.File.ReadAllBytes(path);
        for (var seed = 0; seed < 300; seed++)
        {
            folder.Write("m.npz", Mutation.Of(original, seed));
            Mutation.Survives(seed, () =>
            {
                foreach (var name in Npz.Names(Path.Combine(folder.Path, "m.npz"))) _ = Npz.Read(Path.Combine(folder.Path, "m.npz"), name);
            });
        }
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        Assert.Contains("/no/such", Assert.Throws<PithException>(() => Npy.Read("/no/such.npy")).Message, StringComparison.Ordinal);
        Assert.Contains("/no/such", Assert.Throws<PithException>(() => Npz.Names("/no/such.npz")).Message, StringComparison.Ordinal);
    }

    private static byte[] Bytes(Tensor tensor)
    {
        using var memory = new MemoryStream();
        Npy.Write(memory, tensor);
        return memory.ToArray();
    }

    private static byte[] File(int version, string header, byte[] data)
    {
        byte[] length = version == 1 ? [(byte)header.Length, 0] : [(byte)header.Length, 0, 0, 0];
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. Encoding.ASCII.GetBytes(header), .. data];
    }
}
