using System.Text.RegularExpressions;
using Pith.Cli.Reporting;
using Pith.Ops;
using Spectre.Console;

namespace Pith.Cli.Tests;

/// <summary>Names that would take over a terminal are shown instead, and markup in them is text.</summary>
public sealed class SafeTextTests : IDisposable
{
    private const string Evil = "a\u001b[2J\u0007b\r\nc\u009b31m[red]d[/]\u202ee[";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Control_characters_become_visible()
    {
        Assert.Equal("a␛[2J␇b␍␊c\ufffd31m[red]d[/]\ufffde[", SafeText.Of(Evil));
        Assert.Equal("plain ünïcode 文字", SafeText.Of("plain ünïcode 文字"));
    }

    [Fact]
    public void The_console_shows_them_whoever_draws()
    {
        using var writer = new StringWriter();
        var console = SafeText.Attach(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer), Ansi = AnsiSupport.Yes, ColorSystem = ColorSystemSupport.NoColors }));
        console.Write(new Text(Evil));
        console.WriteLine(Evil);
        console.Write(new Table().AddColumn(Markup.Escape(Evil)));
        AssertHarmless(writer.ToString());
    }

    [Theory]
    [InlineData("info")]
    [InlineData("info", "--nodes")]
    [InlineData("info", "--json")]
    [InlineData("bench", "--duration", "0", "--profile", "--layer-info")]
    [InlineData("build", "--verbose", "--no-timing")]
    [InlineData("compare", "--count", "1")]
    [InlineData("infer")]
    [InlineData("infer", "--input", "[x\u001b]=y")]
    [InlineData("prune")]
    [InlineData("quantize", "--data", "procedural:count=8", "--samples", "8")]
    [InlineData("eval", "--data", "procedural:count=8")]
    public void No_verb_lets_names_of_a_file_through(params string[] arguments)
    {
        var graph = new Graph(Evil + "graph");
        graph.Metadata[Evil + "key"] = Evil + "value";
        var x = graph.AddInput(Evil + "x", TensorType.Float32(Dim.Named(Evil), 3, 32, 32));
        var conv = graph.AddNode(new GlobalAveragePool(), [graph.AddNode(new Relu(), [x], Evil + "relu", [Evil + "y"]).Output], Evil + "pool", [Evil + "z"]).Output;
        var flat = graph.AddNode(new Flatten(), [conv], Evil + "flat", [Evil + "flat"]).Output;
        graph.AddOutput(graph.AddNode(new Gemm(), [flat, graph.AddConstant(Evil + "w", Tensor.Zeros<float>(new Shape(3, 12)))], Evil + "gemm", [Evil + "out"]).Output);
        var model = _folder.File("evil.onnx");
        OnnxModel.Save(graph, model);
        var result = PithCommand.Run([arguments[0], model, .. arguments[1..]]);
        AssertHarmless(result.Output);
        AssertHarmless(result.Error);
        Assert.DoesNotContain("bug in Pith", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_one_place_writes_markup()
    {
        var source = Path.Combine(FindRoot(), "src", "Pith.Cli");
        var others = Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "SafeText.cs" && Regex.IsMatch(File.ReadAllText(file), @"MarkupLineInterpolated|Markup\.Escape|MarkupInterpolated"));
        Assert.Empty(others);
    }

    private static void AssertHarmless(string text)
    {
        Assert.DoesNotContain(text, c => (char.IsControl(c) && c is not ('\n' or '\r')) || c is '\u202e');
        Assert.DoesNotContain("b\r\nc", text, StringComparison.Ordinal);
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Pith.slnx"))) folder = folder.Parent;
        return folder.FullName;
    }
}
