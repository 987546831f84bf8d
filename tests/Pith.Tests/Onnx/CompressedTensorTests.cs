using Google.Protobuf;
using Pith.Onnx;
using Pith.Ops;

namespace Pith.Tests.Onnx;

/// <summary>The form in which plans store 2:4 sparse constants.</summary>
public class CompressedTensorTests
{
    public static TheoryData<DataType, int> Cases() =>
        [.. from type in new[] { DataType.Int8, DataType.UInt8, DataType.Float16, DataType.BFloat16, DataType.Float32, DataType.Float64, DataType.Int32 } from axis in Enumerable.Range(0, 4) select (type, axis)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Sparse_tensors_of_any_type_come_back_bit_for_bit(DataType type, int axis)
    {
        foreach (var shape in new[] { new Shape(4, 8, 4, 12), new Shape(8, 4, 4, 4), new Shape(4, 4, 4, 4) })
        {
            var tensor = Sparse(type, shape, axis, seed: axis + shape[0]);
            Assert.Equal(axis, CompressedTensor.AxisOf(tensor));
            var compressed = CompressedTensor.Compress(tensor, axis);
            Assert.Equal(CompressedTensor.Bytes(type, shape, axis), compressed.Length);
            Assert.Equal((2 * type.SizeInBytes() + 0.5) / (4 * type.SizeInBytes()), (double)compressed.Length / tensor.Bytes.Length, 1e-9);
            var expanded = Tensor.Zeros(type, shape);
            Assert.True(CompressedTensor.TryExpand(compressed.Span, expanded, axis));
            Assert.True(tensor.Bytes.SequenceEqual(expanded.Bytes), $"{type} {shape} along {axis}");
        }
    }

    [Fact]
    public void Dense_tensors_and_those_without_fours_have_no_axis()
    {
        var random = new Random(1);
        foreach (var shape in new[] { new Shape(16, 16, 3, 3), new Shape(6, 10), new Shape(64) })
        {
            var tensor = Tensor.Zeros<sbyte>(shape);
            foreach (ref var x in tensor.Span) x = (sbyte)random.Next(1, 128);
            Assert.Null(CompressedTensor.AxisOf(tensor));
        }
        Assert.Null(CompressedTensor.AxisOf(Tensor.Vector(-0f, -0f, -0f, 1f)));
        Assert.Null(CompressedTensor.AxisOf(Tensor.Zeros<float>(new Shape(3, 5))));
        foreach (var axis in new long[] { -1, 2, long.MaxValue, 0 }) Assert.Null(CompressedTensor.Bytes(DataType.Int8, new Shape(6, 4), axis));
    }

    [Fact]
    public void Places_that_are_equal_or_exchanged_and_bits_beyond_the_last_are_refused()
    {
        var tensor = Sparse(DataType.Int8, new Shape(3, 4), 1, seed: 1);
        var compressed = CompressedTensor.Compress(tensor, 1).Data;
        Assert.Equal(3 * 2 + 2, compressed.Length);
        for (var places = 0; places < 16; places++)
        {
            var changed = compressed.ToArray();
            changed[6] = (byte)(changed[6] & 0xf0 | places);
            Assert.Equal((places & 3) < places >> 2, CompressedTensor.TryExpand(changed, Tensor.Zeros<sbyte>(tensor.Shape), 1));
        }
        compressed[7] |= 0x10;
        Assert.False(CompressedTensor.TryExpand(compressed, Tensor.Zeros<sbyte>(tensor.Shape), 1));
    }

    [Fact]
    public void A_model_with_compressed_constants_reads_as_it_was_and_wrong_ones_are_refused()
    {
        var graph = new Graph();
        var w = Sparse(DataType.Float32, new Shape(32, 64), 1, seed: 2);
        graph.AddOutput(graph.Add(new MatMul(), graph.AddInput("x", TensorType.Float32(1, 32)), graph.AddConstant("w", w)));
        var bytes = OnnxModel.ToBytes(graph, "weights", 0, out var constants, compress: true);
        var file = constants.SelectMany(constant => constant.Bytes.ToArray()).ToArray();
        Assert.True(file.Length < 0.54 * w.Bytes.Length);
        Assert.True(w.Bytes.SequenceEqual(Read(bytes, file).Bytes));
        // A reader of ONNX files knows nothing of it: the size is wrong.
        Assert.Contains("its shape needs 8192", Assert.Throws<PithException>(() => ReadAsOnnx(bytes, file)).Message, StringComparison.Ordinal);
        foreach (var (axis, shape, message) in new[] { ("7", (long[])[32, 64], "along axis 7"), ("-1", [32, 64], "not a number"), ("1", [32, 66], "do not allow"), ("1", [32, 60], "when compressed"), ("99999999999", [32, 64], "along axis") })
        {
            var model = ModelProto.Parser.ParseFrom(bytes);
            var proto = model.Graph.Initializer.Single(tensor => tensor.Name == "w");
            proto.ExternalData.Single(entry => entry.Key == "pith.compressed_axis").Value = axis;
            proto.Dims.Clear();
            proto.Dims.AddRange(shape);
            Assert.Contains(message, Assert.Throws<PithException>(() => Read(model.ToByteArray(), file)).Message, StringComparison.Ordinal);
        }
        Assert.Contains("only", Assert.Throws<PithException>(() => Read(bytes, file[..^1])).Message, StringComparison.Ordinal);
        file[^1] = 0;
        Assert.Contains("places", Assert.Throws<PithException>(() => Read(bytes, file)).Message, StringComparison.Ordinal);
    }

    private static Tensor Read(byte[] model, byte[] file) => OnnxModel.Load(model, external: _ => new MemoryStream(file)).Nodes.Single().Inputs[1]!.Constant!;

    private static void ReadAsOnnx(byte[] model, byte[] file)
    {
        var folder = Directory.CreateTempSubdirectory("pith-compressed-").FullName;
        try
        {
            File.WriteAllBytes(Path.Combine(folder, "weights"), file);
            File.WriteAllBytes(Path.Combine(folder, "model.onnx"), model);
            OnnxModel.Load(Path.Combine(folder, "model.onnx"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Random bits in two of each four along the axis, or in one; along other axes they meet by chance, which is not a pattern.
    private static Tensor Sparse(DataType type, Shape shape, int axis, int seed)
    {
        var (tensor, random, size) = (Tensor.Zeros(type, shape), new Random(seed), type.SizeInBytes());
        var layout = ReductionLayout.Of(shape, axis);
        for (var quad = 0; quad < layout.QuadCount; quad++)
        {
            int[] places = [0, 1, 2, 3];
            random.Shuffle(places);
            foreach (var place in places.AsSpan(0, random.Next(8) == 0 ? 1 : 2))
            {
                var element = tensor.Bytes.Slice((layout.QuadOffset(quad) + place * layout.Inner) * size, size);
                random.NextBytes(element);
                element[0] |= 1;
            }
        }
        return tensor;
    }
}
