using Pith.Ops;

namespace Pith.Tests.Onnx;

/// <summary>Tensors in files, data sets in folders, and models that are imported for them.</summary>
public sealed class TestDataSetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pith-test-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Tensor_files_keep_type_shape_and_elements()
    {
        foreach (var tensor in (Tensor[])[Tensor.Vector(1f, float.NaN), Tensor.Vector<long>(long.MinValue, 7).Reshape(new Shape(1, 2)), Tensor.Scalar(true), Tensor.Vector((Half)1.5f), Tensor.Zeros<byte>(new Shape(0, 3))])
        {
            var path = Path.Combine(_folder, "t.pb");
            OnnxTensor.Save(path, tensor, "t");
            var read = OnnxTensor.Load(path);
            Assert.Equal(tensor.ToString(), read.ToString());
            Assert.Equal(tensor.Bytes.ToArray(), read.Bytes.ToArray());
        }
    }

    [Fact]
    public void Files_that_are_no_tensors_are_refused_by_name()
    {
        foreach (var content in (byte[][])[[], [1, 2, 3, 4], "PK"u8.ToArray()])
        {
            var path = Path.Combine(_folder, "bad.pb");
            File.WriteAllBytes(path, content);
            Assert.Contains(path, Assert.Throws<PithException>(() => OnnxTensor.Load(path)).Message, StringComparison.Ordinal);
        }
        Assert.Throws<PithException>(() => OnnxTensor.Load(Path.Combine(_folder, "absent.pb")));
    }

    [Fact]
    public void Data_sets_come_in_the_order_of_their_numbers()
    {
        foreach (var number in (int[])[10, 2, 0]) Directory.CreateDirectory(Path.Combine(_folder, $"test_data_set_{number}"));
        Assert.Equal(["test_data_set_0", "test_data_set_2", "test_data_set_10"], TestDataSet.Folders(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public void A_gap_in_the_numbering_is_an_error()
    {
        foreach (var number in (int[])[0, 2]) OnnxTensor.Save(Path.Combine(_folder, $"input_{number}.pb"), Tensor.Scalar(1f));
        Assert.Equal([_folder], TestDataSet.Folders(_folder));
        Assert.Contains("input_1.pb", Assert.Throws<PithException>(() => TestDataSet.LoadInputs(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Empty_and_missing_folders_say_what_was_expected()
    {
        Assert.Contains("test_data_set_0", Assert.Throws<PithException>(() => TestDataSet.Folders(_folder)).Message, StringComparison.Ordinal);
        Assert.Contains("test_data_set_0", Assert.Throws<PithException>(() => TestDataSet.Folders(Path.Combine(_folder, "absent"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_given_at_import_replace_the_symbols_of_inputs()
    {
        var graph = new Graph("g");
        graph.AddOutput(graph.AddNode(new Relu(), [graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, Dim.Named("height"), Dim.Named("width")))]).Outputs[0]);
        var path = Path.Combine(_folder, "net.onnx");
        OnnxModel.Save(graph, path);
        var options = new OnnxImportOptions { Sizes = new Dictionary<string, int> { ["height"] = 8, ["depth"] = 2 } };
        Assert.Equal("f32[N,3,height,width]", OnnxModel.ReadInputs(path).Single().Type.ToString());
        Assert.Equal("f32[N,3,8,width]", OnnxModel.ReadInputs(path, options).Single().Type.ToString());
        Assert.Equal("f32[N,3,8,width]", OnnxModel.Load(path, options).Outputs[0].Type.ToString());
    }
}
