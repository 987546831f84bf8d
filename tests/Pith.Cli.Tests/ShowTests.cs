using System.Text.Json;
using System.Text.RegularExpressions;
using Pith.TestKit;

namespace Pith.Cli.Tests;

/// <summary>The page of <c>pith show</c>: complete, self-contained, and safe whatever the names are.</summary>
public sealed partial class ShowTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_network_is_drawn_before_and_after_fusion()
    {
        PithCommand.Run("prune", "cifar-resnet8", "-o", _folder.File("s.onnx")).Ends(0);
        PithCommand.Run("quantize", _folder.File("s.onnx"), "--data", "procedural:count=8", "--samples", "8", "--effort", "fast", "-o", _folder.File("s8.onnx")).Ends(0);
        var json = PithCommand.Run("show", _folder.File("s8.onnx"), "--json").Ends(0).Json;
        var page = Page("s8.html");
        Assert.Equal(json.GetProperty("nodes").GetInt32() + 2, Count(page, "<g class=\"node [a-z0-9]+\" id=\"g"));
        Assert.Equal(json.GetProperty("layers").GetInt32() + 1, Count(page, "<g class=\"node [a-z0-9]+\" id=\"e"));
        Assert.Contains("class=\"node qdq\"", page, StringComparison.Ordinal);
        Assert.Contains("class=\"node int8\"", page, StringComparison.Ordinal);
        Assert.Contains("2:4 · ", page, StringComparison.Ordinal);
        var nodes = Data(page).GetProperty("nodes");
        var conv = nodes.EnumerateObject().Single(node => node.Name[0] == 'g' && node.Value.GetProperty("name").GetString() == "layer1.0.conv1").Value;
        var text = conv.GetProperty("details").GetRawText();
        foreach (var expected in (string[])["attributes", "strides", "min, mean, max", "runs in layer", "MACs"]) Assert.Contains(expected, text, StringComparison.Ordinal);
        AssertSound(page);
    }

    [Fact]
    public void A_long_name_is_cut_between_characters()
    {
        var name = "x" + string.Concat(Enumerable.Repeat("\U0001f600", 40));
        PithCommand.Run("surgeon", "cifar-resnet8", "--rename-node", $"conv1={name}", "-o", _folder.File("net.onnx")).Ends(0);
        PithCommand.Run("show", _folder.File("net.onnx")).Ends(0);
        var page = Page("net.html");
        Assert.Contains("&#128512;…", page, StringComparison.Ordinal);
        Assert.DoesNotContain('\ufffd', page);
    }

    [Fact]
    public void A_plan_is_drawn_with_the_time_of_each_layer()
    {
        PithCommand.Run("build", "cifar-resnet8", "--no-timing", "-o", _folder.File("net.plan")).Ends(0);
        var json = PithCommand.Run("show", _folder.File("net.plan"), "--profile", "--json").Ends(0).Json;
        Assert.True(json.GetProperty("microseconds").GetDouble() > 0);
        var page = Page("net.html");
        Assert.Equal(json.GetProperty("layers").GetInt32(), Count(page, "<rect class=\"time\""));
        AssertSound(page);
    }

    [Fact]
    public void Names_of_strangers_cannot_leave_the_drawing()
    {
        var graph = new Graph("</script><script>alert(1)</script>");
        var x = graph.AddInput("<img src=x onerror=alert(1)>", TensorType.Float32(1, 4));
        graph.AddOutput(graph.AddNode(new Pith.Ops.Relu(), [x], "\"'></svg><script>\u202e\u001b[2J", ["</title>\n"]).Output);
        OnnxModel.Save(graph, _folder.File("net.onnx"));
        PithCommand.Run("show", _folder.File("net.onnx")).Ends(0);
        var page = Page("net.html");
        Assert.Equal(2, Count(page, "<script"));
        Assert.DoesNotContain("<img", page, StringComparison.Ordinal);
        Assert.DoesNotContain('\u202e', page);
        Assert.DoesNotContain('\u001b', page);
        AssertSound(page);
    }

    [Fact]
    public void Every_shared_model_is_drawn_or_refused_as_info_refuses_it()
    {
        Assert.SkipWhen(SharedData.Cases is null, "The shared cases are not there.");
        // Small files; the large ones take the same way.
        var models = Directory.GetFiles(SharedData.Cases!, "*.onnx", SearchOption.AllDirectories).Where(file => new FileInfo(file).Length < 300_000).Order(StringComparer.Ordinal).Where((_, i) => i % 3 == 0).ToArray();
        Assert.NotEmpty(models);
        Assert.All(models, model =>
        {
            var output = _folder.File("page.html");
            File.Delete(output);
            var result = PithCommand.Run("show", model, "-o", output, "-q");
            if (result.ExitCode == 0) AssertSound(File.ReadAllText(output));
            else Assert.Equal(PithCommand.Run("info", model).Error, result.Refuses(1).Error);
        });
    }

    [Theory]
    [InlineData(1, "show", "missing.onnx")]
    [InlineData(1, "show", "missing.plan")]
    [InlineData(2, "show")]
    [InlineData(2, "show", "cifar-resnet8", "--batch", "0")]
    [InlineData(2, "show", "cifar-resnet8", "-o", "/")]
    public void What_cannot_be_drawn_is_a_clear_error(int exitCode, params string[] arguments) => PithCommand.Run(arguments).Refuses(exitCode);

    private string Page(string name) => File.ReadAllText(_folder.File(name));

    private static int Count(string page, string pattern) => Regex.Count(page, pattern);

    private static JsonElement Data(string page) => JsonDocument.Parse(DataElement().Match(page).Groups[1].Value).RootElement;

    // Nothing is loaded, the data is whole, every box and line is somewhere, and each line joins boxes that there are.
    private static void AssertSound(string page)
    {
        Assert.DoesNotContain("src=", page.Replace("&lt;img src=", "", StringComparison.Ordinal).Replace("\\u003cimg src=", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotMatch("""(href=|url\(|@import|https?://)""", page);
        Assert.DoesNotContain("NaN", DataElement().Replace(page, ""), StringComparison.Ordinal);
        var ids = Data(page).GetProperty("nodes").EnumerateObject().Select(node => node.Name).ToHashSet();
        Assert.Equal(ids.Count, Count(page, "<g class=\"node "));
        foreach (Match edge in EdgeEnds().Matches(page)) Assert.True(ids.Contains(edge.Groups[1].Value) && ids.Contains(edge.Groups[2].Value));
    }

    [GeneratedRegex("""<script type="application/json" id="data">(.*?)</script>""", RegexOptions.Singleline)]
    private static partial Regex DataElement();

    [GeneratedRegex("data-f=\"([^\"]+)\" data-t=\"([^\"]+)\"")]
    private static partial Regex EdgeEnds();
}
