using Pith.TestKit;

namespace Pith.Cli.Tests;

/// <summary>Runs beside ONNX Runtime, from the library in its NuGet package.</summary>
public sealed class OnnxRuntimeTests
{
    [Fact]
    public void The_same_file_gives_the_same_result_in_both()
    {
        using var folder = WithNetwork();
        var json = PithCommand.Run("bench", folder.File("net.onnx"), "--with", "onnxruntime", "--onnxruntime-library", OnnxRuntimePackage.Library!, "--batch", "3", "--duration", "0.01", "--json").Ends(0).Json;
        var other = Assert.Single(json.GetProperty("others").EnumerateArray());
        Assert.StartsWith("onnxruntime 1.", other.GetProperty("model").GetString(), StringComparison.Ordinal);
        Assert.Equal(3, other.GetProperty("outputs").GetProperty("images").GetInt32());
        Assert.Equal(3, other.GetProperty("outputs").GetProperty("same_top1").GetInt32());
        Assert.InRange(other.GetProperty("outputs").GetProperty("max_difference").GetDouble(), 0, 1e-3);
        Assert.True(other.GetProperty("ratio").GetProperty("rounds").GetInt32() > 0);
    }

    [Fact]
    public void Quantized_files_of_both_kinds_run_side_by_side_in_streams()
    {
        using var folder = WithNetwork();
        PithCommand.Run("quantize", folder.File("net.onnx"), "-o", folder.File("int8.onnx"), "--data", "procedural:count=8", "--samples", "8").Ends(0);
        var json = PithCommand.Run("bench", folder.File("int8.onnx"), "--with", "onnxruntime", "--onnxruntime-library", OnnxRuntimePackage.Library!, "--with-model", folder.File("net.onnx"), "--streams", "2", "--threads", "2", "--duration", "0.01", "--json").Ends(0).Json;
        Assert.Equal(2, Assert.Single(json.GetProperty("others").EnumerateArray()).GetProperty("streams").GetInt32());
    }

    [Theory]
    [InlineData("nchw")]
    [InlineData("nhwc")]
    public void Networks_that_take_bytes_are_plain_onnx(string layout)
    {
        using var folder = WithNetwork();
        PithCommand.Run("fold-preprocessing", folder.File("net.onnx"), "-o", folder.File("bytes.onnx"), "--preprocess", "cifar10", "--layout", layout).Ends(0);
        var json = PithCommand.Run("bench", folder.File("bytes.onnx"), "--with", "onnxruntime", "--onnxruntime-library", OnnxRuntimePackage.Library!, "--batch", "3", "--duration", "0.01", "--json").Ends(0).Json;
        var outputs = Assert.Single(json.GetProperty("others").EnumerateArray()).GetProperty("outputs");
        Assert.Equal(3, outputs.GetProperty("same_top1").GetInt32());
        Assert.InRange(outputs.GetProperty("max_difference").GetDouble(), 0, 1e-3);
    }

    [Fact]
    public void What_it_refuses_is_a_clear_error()
    {
        using var folder = WithNetwork();
        File.WriteAllText(folder.File("damaged.onnx"), "no model");
        var error = PithCommand.Run("bench", folder.File("net.onnx"), "--with", "onnxruntime", "--onnxruntime-library", OnnxRuntimePackage.Library!, "--with-model", folder.File("damaged.onnx")).Refuses(1).Error;
        Assert.Contains("ONNX Runtime cannot load", error, StringComparison.Ordinal);

        PithCommand.Run("models", "mobilenetv2", "-o", folder.File("large.onnx")).Ends(0);
        error = PithCommand.Run("bench", folder.File("net.onnx"), "--with", "onnxruntime", "--onnxruntime-library", OnnxRuntimePackage.Library!, "--with-model", folder.File("large.onnx")).Refuses(1).Error;
        Assert.Contains("[1,3,224,224]", error, StringComparison.Ordinal);
    }

    private static TemporaryFolder WithNetwork()
    {
        if (OnnxRuntimePackage.Library is null) Assert.Skip("ONNX Runtime's package has no library for this machine.");
        var folder = new TemporaryFolder();
        PithCommand.Run("models", "cifar-resnet8", "--seed", "3", "-o", folder.File("net.onnx")).Ends(0);
        return folder;
    }
}
