using System.IO.Compression;
using Pith.Compression.Data;
using Pith.Compression.Weights;
using Pith.Models;

namespace Pith.Cli.Tests;

/// <summary><c>pith models --weights</c> and <c>pith export</c>: a network's weights from and to files of other tools.</summary>
public sealed class WeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("net.safetensors")]
    [InlineData("net.pth")]
    [InlineData("net.npz")]
    public void Exported_weights_make_the_same_network(string name)
    {
        PithCommand.Run("models", "cifar-resnet8", "--seed", "5", "--width", "8", "-o", _folder.File("a.onnx")).Ends(0);
        var exported = PithCommand.Run("export", _folder.File("a.onnx"), "-o", _folder.File(name), "--json").Ends(0).Json;
        Assert.Equal(47, exported.GetProperty("tensors").GetInt32());
        var made = PithCommand.Run("models", "cifar-resnet8", "--weights", _folder.File(name), "--width", "8", "-o", _folder.File("b.onnx"), "--json").Ends(0).Json;
        Assert.Equal(_folder.File(name), made.GetProperty("weights").GetString());
        PithCommand.Run("compare", _folder.File("a.onnx"), _folder.File("b.onnx"), "--identical", "--count", "2").Ends(0);
        // How the model was made says where its weights came from, without a folder.
        Assert.Contains(name, OnnxModel.Load(_folder.File("b.onnx")).Metadata[Provenance.MetadataKey], StringComparison.Ordinal);
        Assert.DoesNotContain(_folder.Path, OnnxModel.Load(_folder.File("b.onnx")).Metadata[Provenance.MetadataKey], StringComparison.Ordinal);
    }

    [Fact]
    public void The_example_of_the_documents_runs()
    {
        PithCommand.Run("export", "resnet18", "-o", _folder.File("net.pth")).Ends(0);
        var path = _folder.File("net.pth");
        // formats.md begins
        using var file = WeightFile.Open(path);                        // names, types and shapes; elements are read when they are asked for
        var graph = ModelCatalog.Find("resnet18").Build();
        foreach (var note in StateDict.Load(graph, file)) Console.WriteLine(note);
        WeightFile.Write(Path.ChangeExtension(path, ".npz"), StateDict.Of(graph));
        // formats.md ends
        Assert.Equal(102, Npz.Names(_folder.File("net.npz")).Count);
    }

    [Fact]
    public void Weights_of_another_network_are_refused_with_a_list_and_leave_no_file()
    {
        PithCommand.Run("export", "cifar-resnet8", "-o", _folder.File("net.npz")).Ends(0);
        var refused = PithCommand.Run("models", "cifar-resnet20", "-w", _folder.File("net.npz"), "-o", _folder.File("b.onnx")).Refuses(1);
        Assert.Contains("Missing (60)", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--classes 10", PithCommand.Run("models", "cifar-resnet8", "-w", _folder.File("net.npz"), "--classes", "7", "-o", _folder.File("b.onnx")).Refuses(1).Error.ReplaceLineEndings(" ").Replace("  ", " ", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(["net.npz"], _folder.Files);
    }

    [Theory]
    [InlineData("net.pth")]
    [InlineData("net.npz")]
    [InlineData("net.safetensors")]
    public void A_folder_is_not_a_file_of_weights(string name)
    {
        Directory.CreateDirectory(_folder.File(name));
        Assert.Contains("it is a folder", PithCommand.Run("models", "cifar-resnet8", "-w", _folder.File(name), "-o", _folder.File("b.onnx")).Refuses(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public void An_archive_of_something_else_is_refused_in_a_few_lines()
    {
        PithCommand.Run("export", "cifar-resnet8", "-o", _folder.File("net.npz")).Ends(0);
        Assert.Contains("and 35 more", PithCommand.Run("eval", "cifar-resnet8", "--data", "npz:" + _folder.File("net.npz")).Refuses(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_named_as_the_user_named_it()
    {
        File.WriteAllText(_folder.File("file"), "");
        var error = PithCommand.Run("export", "cifar-resnet8", "-o", Path.Combine(_folder.File("file"), "net.npz")).Refuses(1).Error;
        Assert.Contains("Cannot write", error, StringComparison.Ordinal);
        Assert.DoesNotContain(".tmp", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pickle_that_calls_the_system_is_refused_by_name()
    {
        using (var zip = new ZipArchive(File.Create(_folder.File("net.pth")), ZipArchiveMode.Create))
        using (var entry = zip.CreateEntry("archive/data.pkl").Open())
            entry.Write("cposix\nsystem\n(X\u0005\0\0\0touchtR."u8);
        Assert.Contains("'posix.system'", PithCommand.Run("models", "resnet18", "-w", _folder.File("net.pth"), "-o", _folder.File("b.onnx")).Refuses(1).Error, StringComparison.Ordinal);
        Assert.Equal(["net.pth"], _folder.Files);
    }

    [Theory]
    [InlineData("export", "cifar-resnet8")]
    [InlineData("export", "cifar-resnet8", "-o", "net.h5")]
    [InlineData("models", "--weights", "net.pth")]
    [InlineData("models", "resnet18", "--weights", "net.pth", "--seed", "3")]
    public void Wrong_usage_is_said(params string[] arguments) => PithCommand.Run(arguments).Refuses(2);

    [Fact]
    public void Damaged_weights_are_refused_or_understood()
    {
        PithCommand.Run("export", "cifar-resnet8", "-o", _folder.File("valid.pth")).Ends(0);
        var valid = File.ReadAllBytes(_folder.File("valid.pth"));
        for (var cut = 0; cut < 8; cut++)
        {
            File.WriteAllBytes(_folder.File("net.pth"), valid[..(valid.Length * cut / 8)]);
            PithCommand.Run("models", "cifar-resnet8", "-w", _folder.File("net.pth"), "-o", _folder.File("b.onnx")).Refuses(1);
        }
        Assert.Equal(["net.pth", "valid.pth"], _folder.Files);
    }

    [Fact]
    public void Tfrecord_and_imagenet_are_data_for_every_verb()
    {
        File.WriteAllBytes(_folder.File("a.tfrecord"), [1, 2, 3]);
        Assert.Contains("record 0, is cut short", PithCommand.Run("eval", "cifar-resnet8", "--data", "tfrecord:" + _folder.File("a.tfrecord")).Refuses(1).Error, StringComparison.Ordinal);
        File.WriteAllBytes(_folder.File("a.tar"), new byte[100]);
        Assert.Contains("cut short", PithCommand.Run("eval", "cifar-resnet8", "--data", "imagenet:" + _folder.File("a.tar")).Refuses(1).Error, StringComparison.Ordinal);
        Assert.All(DatasetCatalog.All, kind => Assert.Contains(kind.Syntax, PithCommand.Run("eval", "--help").Ends(0).Output.ReplaceLineEndings(" "), StringComparison.Ordinal));
    }
}
