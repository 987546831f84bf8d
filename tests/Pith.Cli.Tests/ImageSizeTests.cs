using Pith.Cli.Verbs;
using Pith.Ops;

namespace Pith.Cli.Tests;

/// <summary><c>--size</c>: width first, for what a network leaves open and for nothing else.</summary>
public sealed class ImageSizeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("640x480", 640, 480)]
    [InlineData("224", 224, 224)]
    public void Width_comes_first_and_one_number_is_a_square(string text, int width, int height)
    {
        Assert.Equal(new ImageSize(width, height), InputSize.Parse(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("640x")]
    [InlineData("640x480x3")]
    [InlineData("-1x3")]
    [InlineData("0")]
    [InlineData("1e3")]
    [InlineData("length=")]
    [InlineData("=8")]
    [InlineData("length=0")]
    [InlineData("length=8,length=9")]
    [InlineData("99999999999")]
    public void Anything_else_is_no_size(string text) => Assert.Null(InputSize.Parse(text));

    [Fact]
    public void Height_and_width_are_found_in_both_orders_of_axes()
    {
        var size = new ImageSize(640, 480);
        Dim n = Dim.Named("N"), h = Dim.Named("h"), w = Dim.Named("w");
        Assert.Equal(new Dictionary<string, int> { ["h"] = 480, ["w"] = 640 }, size.Bind("net", [("x", TensorType.Float32(n, 3, h, w))]));
        Assert.Equal(new Dictionary<string, int> { ["h"] = 480, ["w"] = 640 }, size.Bind("net", [("x", TensorType.Float32(n, h, w, 3))]));
        Assert.Equal(new Dictionary<string, int> { ["w"] = 640 }, size.Bind("net", [("x", TensorType.Float32(n, 3, 480, w))]));
        Assert.Empty(size.Bind("net", [("x", TensorType.Float32(n, 3, 480, 640))]));
    }

    [Theory]
    [InlineData("length=8", "length=8")]
    [InlineData("8", "length=8")]
    [InlineData("length=8,N=2", "length=8,N=2")]
    public void Sequences_get_a_length_by_name_or_where_nothing_else_is_open(string text, string bound)
    {
        (string, TensorType)[] open = [("ids", new TensorType(DataType.Int64, [Dim.Named("N"), Dim.Named("length")])), ("mask", new TensorType(DataType.Int64, [Dim.Named("N"), Dim.Named("length")]))];
        Assert.Equal(bound, string.Join(",", InputSize.Parse(text)!.Bind("net", open).Select(size => $"{size.Key}={size.Value}")));
        // A network that was made of an open one is given the same size.
        (string, TensorType)[] made = [("ids", new TensorType(DataType.Int64, [Dim.Of(2), Dim.Of(8)]))];
        Assert.Empty(InputSize.Parse(text)!.Bind("net", made));
    }

    [Theory]
    [InlineData("width=8", "'width'")]
    [InlineData("8", "a=NUMBER,b=NUMBER")]
    public void Names_that_no_input_has_and_numbers_for_several_sizes_are_refused(string text, string says)
    {
        (string, TensorType)[] open = [("x", TensorType.Float32(Dim.Named("N"), Dim.Named("a"), Dim.Named("b")))];
        Assert.Contains(says, Assert.Throws<PithException>(() => InputSize.Parse(text)!.Bind("net", open)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_network_of_another_size_or_without_images_is_refused()
    {
        var size = new ImageSize(640, 480);
        Assert.Contains("f32[N,3,224,224]", Assert.Throws<PithException>(() => size.Bind("net", [("x", TensorType.Float32(Dim.Named("N"), 3, 224, 224))])).Message, StringComparison.Ordinal);
        Assert.Throws<PithException>(() => size.Bind("net", [("x", TensorType.Float32(Dim.Named("N"), 10))]));
        Assert.Contains("square", Assert.Throws<PithException>(() => size.Bind("net", [("x", TensorType.Float32(Dim.Named("N"), 3, Dim.Named("s"), Dim.Named("s")))])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Verbs_take_networks_of_open_height_and_width_with_a_size()
    {
        var graph = new Graph("open");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, Dim.Named("height"), Dim.Named("width")));
        var pooled = graph.AddNode(new GlobalAveragePool(), [x], "pool", ["pooled"]).Output;
        graph.AddOutput(graph.AddNode(new Gemm(), [graph.AddNode(new Flatten(), [pooled], "flat", ["flat"]).Output, graph.AddConstant("w", Tensor.Zeros<float>(new Shape(3, 12)))], "gemm", ["y"]).Output);
        var model = _folder.File("open.onnx");
        OnnxModel.Save(graph, model);
        foreach (var verb in (string[][])[["build", "--no-timing"], ["bench", "--duration", "0"], ["compare"], ["info"], ["eval", "--data", "procedural:count=8"], ["quantize", "--data", "procedural:count=8", "--samples", "8"]])
        {
            if (verb[0] != "info") Assert.Contains("--size", PithCommand.Run([verb[0], model, .. verb[1..]]).Refuses(1).Error, StringComparison.Ordinal);
            PithCommand.Run([verb[0], model, .. verb[1..], "--size", "32"]).Ends(0);
        }
        Assert.Contains("f32[N,3,24,32]", PithCommand.Run("info", model, "--size", "32x24").Ends(0).Output, StringComparison.Ordinal);
        Assert.Contains("width 24 and height 24", PithCommand.Run("info", _folder.File("open.plan"), "--size", "24").Refuses(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }
}
