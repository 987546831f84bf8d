namespace Pith.Cli.Tests;

/// <summary>Work that cannot be done ends with exit code 1 and one message, and leaves nothing behind.</summary>
public sealed class FailureTests
{
    [Theory]
    [InlineData("info", "missing.onnx")]
    [InlineData("info", "missing.plan")]
    [InlineData("build", "missing.onnx")]
    [InlineData("bench", "missing.onnx")]
    [InlineData("bench", "missing.plan")]
    [InlineData("bench", "cifar-resnet8", "--against", "missing.onnx", "--duration", "0.01")]
    [InlineData("eval", "missing.onnx", "--data", "procedural:count=8")]
    [InlineData("eval", "cifar-resnet8", "--data", "npz:missing.npz")]
    [InlineData("eval", "cifar-resnet8", "--data", "imagefolder:missing")]
    [InlineData("eval", "cifar-resnet8", "--data", "cifar10:missing")]
    [InlineData("eval", "cifar-resnet8", "--data", "nosuchkind:x")]
    [InlineData("eval", "cifar-resnet8", "--data", "procedural:count=0")]
    [InlineData("compare", "cifar-resnet8", "--data", "procedural:count=2", "--count", "3")]
    [InlineData("compare", "missing.onnx")]
    [InlineData("compare", "cifar-resnet8", "missing.onnx")]
    [InlineData("run", "missing.json")]
    [InlineData("models", "nosuchnetwork")]
    public void What_is_not_there_is_a_clear_error(params string[] arguments) => PithCommand.Run(arguments).Refuses(1);

    [Theory]
    [InlineData("models", "cifar-resnet8", "--classes", "-1")]
    [InlineData("models", "cifar-resnet8", "--width", "100000")]
    [InlineData("prune", "missing.onnx")]
    [InlineData("prune", "cifar-resnet8", "--exclude", "/(/")]
    [InlineData("prune", "cifar-resnet8", "--exclude", "no-such-layer")]
    [InlineData("prune", "cifar-resnet8", "--rule", "nosuch")]
    [InlineData("prune", "cifar-resnet8", "--settings", "missing.json")]
    [InlineData("quantize", "cifar-resnet8")]
    [InlineData("quantize", "cifar-resnet8", "--cache", "missing.cache")]
    [InlineData("quantize", "cifar-resnet8", "--data", "procedural:count=8", "--samples", "0")]
    [InlineData("quantize", "cifar-resnet8", "--data", "procedural:count=8", "--calibrator", "nosuch")]
    [InlineData("quantize", "cifar-resnet8", "--data", "procedural:count=8", "--samples", "8", "--keep-float", "no-such-layer")]
    [InlineData("finetune", "cifar-resnet8", "--data", "procedural:count=8", "--batch", "9")]
    [InlineData("finetune", "cifar-resnet8", "--data", "procedural:count=8", "--batch", "0")]
    [InlineData("finetune", "cifar-resnet8", "--data", "procedural:count=8", "--batch", "4", "--teacher", "missing.onnx")]
    [InlineData("qat", "cifar-resnet8", "--data", "procedural:count=8", "--epochs", "-1")]
    [InlineData("train", "cifar-resnet8", "--data", "procedural:count=8", "--lr", "-1")]
    public void A_step_that_fails_leaves_no_file(params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        PithCommand.Run([.. arguments, "-o", folder.File("out.onnx")]).Refuses(1);
        Assert.Empty(folder.Files);
    }

    [Fact]
    public void Fewer_folders_than_outputs_need_a_list_that_says_which_they_are()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in (string[])["cat", "dog"])
        {
            Directory.CreateDirectory(folder.File($"images/{name}"));
            File.Copy(Path.Combine(AppContext.BaseDirectory, "Images", "rgb8.png"), folder.File($"images/{name}/0.png"));
        }
        string[] eval = ["eval", "cifar-resnet8", "--preprocess", "cifar10", "--data"];
        foreach (var data in (string[])["images", "images?first=1"])
            Assert.Contains("10 outputs, dataset 'imagefolder:", PithCommand.Run([.. eval, $"imagefolder:{folder.File(data)}"]).Refuses(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
        File.WriteAllText(folder.File("images/classes.txt"), "3 cat\n5 dog\n");
        PithCommand.Run([.. eval, $"imagefolder:{folder.File("images")}"]).Ends(0);
    }

    [Fact]
    public void An_output_below_a_file_is_a_clear_error()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("file"), "x");
        PithCommand.Run("models", "cifar-resnet8", "-o", folder.File("file/net.onnx")).Refuses(1);
        Assert.Equal(["file"], folder.Files);
    }

    [Fact]
    public void An_output_that_is_the_input_is_refused_and_the_input_stays()
    {
        using var folder = new TemporaryFolder();
        var model = folder.File("net.onnx");
        PithCommand.Run("models", "cifar-resnet8", "-o", model).Ends(0);
        var before = File.ReadAllBytes(model);
        PithCommand.Run("prune", model, "-o", model).Refuses(2);
        Assert.Equal(before, File.ReadAllBytes(model));
    }

    [Fact]
    public void An_output_in_a_folder_that_cannot_be_written_is_a_clear_error()
    {
        // Even root cannot create files there.
        Assert.SkipUnless(Directory.Exists("/proc/self"), "This system has no /proc.");
        PithCommand.Run("models", "cifar-resnet8", "-o", "/proc/self/net.onnx").Refuses(1);
    }
}
