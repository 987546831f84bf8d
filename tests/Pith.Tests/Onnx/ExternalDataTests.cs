using System.Diagnostics;
using Google.Protobuf;
using Pith.Onnx;

namespace Pith.Tests.Onnx;

/// <summary>Only ordinary files beside the model are read, and no more of them than there is.</summary>
public sealed class ExternalDataTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("pith-external-").FullName;
    private readonly string _folder;

    public ExternalDataTests()
    {
        _folder = Directory.CreateDirectory(Path.Combine(_root, "model")).FullName;
        File.WriteAllBytes(Path.Combine(_root, "secret.bin"), new byte[8]);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static TensorProto External(string name, string location, int elements = 2, long offset = 0)
    {
        var tensor = new TensorProto { Name = name, Dims = { elements }, DataType = 1 };
        ExternalData.Describe(tensor, location, offset, elements * 4L);
        return tensor;
    }

    // The sum of the tensors, so that none is left out.
    private string Write(params TensorProto[] tensors)
    {
        var model = new ModelBuilder().Input("x", (int)tensors[0].Dims[0]).Node("Sum", "sum", ["x", .. tensors.Select(tensor => tensor.Name)], ["y"]).Output("y");
        foreach (var tensor in tensors) model.Initializer(tensor);
        var path = Path.Combine(_folder, "model.onnx");
        File.WriteAllBytes(path, model.Proto.ToByteArray());
        return path;
    }

    private static string Error(string path) => Assert.Throws<PithException>(() => OnnxModel.Load(path)).Message;

    [Theory]
    [InlineData("../secret.bin")]
    [InlineData("sub/../../secret.bin")]
    [InlineData("/etc/hostname")]
    public void Paths_out_of_the_folder_are_refused(string location) => Assert.Contains("outside the model's folder", Error(Write(External("w", location))), StringComparison.Ordinal);

    [Fact]
    public void Symbolic_links_out_of_the_folder_are_refused_wherever_they_stand()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "symbolic links need a privilege on Windows");
        File.CreateSymbolicLink(Path.Combine(_folder, "link.bin"), Path.Combine(_root, "secret.bin"));
        File.CreateSymbolicLink(Path.Combine(_folder, "relative.bin"), "../secret.bin");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "folder"), _root);
        File.CreateSymbolicLink(Path.Combine(_folder, "twice.bin"), "folder/secret.bin");
        foreach (var location in new[] { "link.bin", "relative.bin", "folder/secret.bin", "twice.bin" })
            Assert.Contains("outside the model's folder", Error(Write(External("w", location))), StringComparison.Ordinal);
        File.CreateSymbolicLink(Path.Combine(_folder, "circle.bin"), "circle.bin");
        Assert.Contains("circle", Error(Write(External("w", "circle.bin"))), StringComparison.Ordinal);
    }

    [Fact]
    public void Links_that_stay_inside_are_followed_and_so_is_the_models_own()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "symbolic links need a privilege on Windows");
        File.WriteAllBytes(Path.Combine(_folder, "w.bin"), [.. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(2.5f)]);
        File.CreateSymbolicLink(Path.Combine(_folder, "inside.bin"), "w.bin");
        var path = Write(External("w", "inside.bin"));
        Assert.Equal([1.5f, 2.5f], OnnxModel.Load(path).Find("w")!.Constant!.As<float>().Data);
        // A cache of downloaded models: both files are links into one other folder.
        var snapshot = Directory.CreateDirectory(Path.Combine(_root, "snapshot")).FullName;
        File.CreateSymbolicLink(Path.Combine(snapshot, "model.onnx"), path);
        File.CreateSymbolicLink(Path.Combine(snapshot, "inside.bin"), Path.Combine(_folder, "w.bin"));
        Assert.Equal([1.5f, 2.5f], OnnxModel.Load(Path.Combine(snapshot, "model.onnx")).Find("w")!.Constant!.As<float>().Data);
    }

    [Fact]
    public void A_pipe_is_refused_at_once()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no pipes among files");
        var pipe = Path.Combine(_folder, "pipe");
        Process.Start("mkfifo", pipe).WaitForExit();
        Assert.Contains("pipe or a device", Error(Write(External("w", "pipe"))), StringComparison.Ordinal);
        Assert.Contains("pipe or a device", Error(pipe), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_data_is_read_once_however_often_it_is_named()
    {
        File.WriteAllBytes(Path.Combine(_folder, "w.bin"), new byte[4000]);
        var tensors = Enumerable.Range(0, 1000).Select(i => External($"w{i}", i % 2 == 0 ? "w.bin" : "./w.bin", elements: 1000)).ToArray();
        var graph = OnnxModel.Load(Write(tensors));
        Assert.Single(graph.Constants.Select(constant => constant.Constant!).Distinct(ReferenceEqualityComparer.Instance));
    }

    [Fact]
    public void Overlapping_ranges_are_refused_beyond_four_times_the_file()
    {
        File.WriteAllBytes(Path.Combine(_folder, "w.bin"), new byte[4100]);
        Assert.Equal(4, OnnxModel.Load(Write([.. Enumerable.Range(0, 4).Select(i => External($"w{i}", "w.bin", 1000, i))])).Constants.Count());
        Assert.Contains("their ranges overlap", Error(Write([.. Enumerable.Range(0, 5).Select(i => External($"w{i}", "w.bin", 1000, i))])), StringComparison.Ordinal);
    }

    [Fact]
    public void Offsets_and_lengths_that_do_not_fit_are_refused()
    {
        File.WriteAllBytes(Path.Combine(_folder, "w.bin"), new byte[8]);
        Assert.Contains("which has only 8", Error(Write(External("w", "w.bin", offset: 4))), StringComparison.Ordinal);
        Assert.Contains("which has only 8", Error(Write(External("w", "w.bin", offset: long.MaxValue))), StringComparison.Ordinal);
        var wrong = External("w", "w.bin");
        wrong.ExternalData[2].Value = "4";
        Assert.Contains("its shape needs 8", Error(Write(wrong)), StringComparison.Ordinal);
        wrong.ExternalData[2].Value = "-8";
        Assert.Contains("not a number of bytes", Error(Write(wrong)), StringComparison.Ordinal);
    }
}
