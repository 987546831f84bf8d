using System.CommandLine;
using Pith.Cli.Verbs;

namespace Pith.Cli.Tests;

/// <summary>What the program says about itself, and how it refuses a command line that it does not understand.</summary>
public sealed class HelpTests
{
    public static TheoryData<string> Verbs => [.. VerbCatalog.Create().Select(verb => verb.Name)];

    [Theory, MemberData(nameof(Verbs))]
    public void Every_verb_has_help_with_an_example(string verb)
    {
        var help = PithCommand.Run(verb, "--help").Ends(0);
        Assert.Equal("", help.Error);
        Assert.Contains("Example", help.Output, StringComparison.Ordinal);
        Assert.Contains($"  pith {verb}", help.Output, StringComparison.Ordinal);
        Assert.Contains("--json", help.Output, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Verbs))]
    public void Examples_are_command_lines_that_the_verb_understands(string verb) =>
        Assert.All(VerbCatalog.Create().Single(known => known.Name == verb).Examples.Where(example => example.StartsWith("pith ", StringComparison.Ordinal)), example => Assert.Empty(CommandLine.Build().Parse(example["pith ".Length..]).Errors));

    [Fact]
    public void The_overview_lists_every_verb_and_an_example()
    {
        var help = PithCommand.Run("--help").Ends(0);
        Assert.Contains("  pith demo", help.Output, StringComparison.Ordinal);
        foreach (var verb in VerbCatalog.Create()) Assert.Contains($"  {verb.Name}", help.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_command_lines_share_no_symbol()
    {
        // The parser changes its symbols; shared ones would let two command lines of one process disturb each other.
        var first = Symbols(CommandLine.Build()).ToHashSet(ReferenceEqualityComparer.Instance);
        Assert.True(first.Count > 300, $"{first.Count} symbols");
        Assert.DoesNotContain(Symbols(CommandLine.Build()), first.Contains);

        static IEnumerable<Symbol> Symbols(Command command) => [command, .. command.Options, .. command.Arguments, .. command.Subcommands.SelectMany(Symbols)];
    }

    [Theory, MemberData(nameof(Verbs))]
    public void An_unknown_option_is_wrong_usage(string verb)
    {
        var result = PithCommand.Run(verb, "--no-such-option").Refuses(2);
        Assert.Single(result.Error.Split('\n'), line => line.Contains("--no-such-option", StringComparison.Ordinal));
        Assert.Contains($"pith {verb} --help", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_verb_is_wrong_usage() => Assert.Contains("compress", PithCommand.Run("compress").Refuses(2).Error, StringComparison.Ordinal);

    [Fact]
    public void No_verb_at_all_is_wrong_usage() => PithCommand.Run().Refuses(2);

    [Theory]
    [InlineData("info")]
    [InlineData("train")]
    [InlineData("prune")]
    [InlineData("finetune")]
    [InlineData("quantize")]
    [InlineData("qat")]
    [InlineData("fold-preprocessing")]
    [InlineData("bytes")]
    [InlineData("check")]
    [InlineData("show")]
    [InlineData("surgeon")]
    [InlineData("build")]
    [InlineData("explain")]
    [InlineData("forecast")]
    [InlineData("sweep")]
    [InlineData("sweep", "net.onnx")]
    [InlineData("bench")]
    [InlineData("eval", "net.onnx")]
    [InlineData("infer")]
    [InlineData("compare")]
    [InlineData("debug")]
    [InlineData("debug", "net.onnx")]
    [InlineData("run")]
    [InlineData("serve")]
    [InlineData("client")]
    [InlineData("client", "http://localhost:8000")]
    [InlineData("client", "http://localhost:8000", "bench")]
    public void A_missing_argument_is_wrong_usage(params string[] arguments) => PithCommand.Run(arguments).Refuses(2);

    [Theory]
    [InlineData("bench", "cifar-resnet8", "--batch", "0")]
    [InlineData("bench", "cifar-resnet8", "--batch", "many")]
    [InlineData("bench", "cifar-resnet8", "--batch", "99999999999")]
    [InlineData("bench", "cifar-resnet8", "--threads", "-1")]
    [InlineData("bench", "cifar-resnet8", "--batch", "1", "--batch", "2")]
    [InlineData("bench", "cifar-resnet8", "--duration", "NaN")]
    [InlineData("bench", "cifar-resnet8", "--warm-up", "-1")]
    [InlineData("bench", "cifar-resnet8", "--iterations", "0")]
    [InlineData("bench", "cifar-resnet8", "--streams", "0")]
    [InlineData("bench", "cifar-resnet8", "--percentile", "")]
    [InlineData("bench", "cifar-resnet8", "--percentile", "50,101")]
    [InlineData("bench", "cifar-resnet8", "--percentile", "0")]
    [InlineData("bench", "cifar-resnet8", "--percentile", "90;99")]
    [InlineData("bench", "cifar-resnet8", "--percentile", "NaN")]
    [InlineData("bench", "cifar-resnet8", "--export-times", "/")]
    [InlineData("bench", "cifar-resnet8", "--with", "nosuchengine")]
    [InlineData("bench", "cifar-resnet8", "--with-model", "net.onnx")]
    [InlineData("bench", "cifar-resnet8", "--onnxruntime-library", "libonnxruntime.so")]
    [InlineData("bench", "cifar-resnet8", "--with", "onnxruntime", "--onnxruntime-library", "libonnxruntime.so")]
    [InlineData("bench", "cifar-resnet8", "--layer", "gemm f32>f32 n1 c8 k8")]
    [InlineData("bench", "--layer", "gemm f32>f32 n1 c8 k8", "--batch", "2")]
    [InlineData("bench", "cifar-resnet8", "cifar-resnet8")]
    [InlineData("eval", "cifar-resnet8", "--data", "procedural:count=8", "--threads", "1000000")]
    [InlineData("compare", "cifar-resnet8", "--count", "0")]
    [InlineData("compare", "cifar-resnet8", "--min-snr", "NaN")]
    [InlineData("compare", "cifar-resnet8@nowhere")]
    [InlineData("compare", "cifar-resnet8", "--rtol", "0.1")]
    [InlineData("compare", "cifar-resnet8", "--test-data", ".", "--count", "2")]
    [InlineData("compare", "cifar-resnet8", "cifar-resnet8", "--test-data", ".")]
    [InlineData("compare", "net.plan", "--test-data", ".")]
    [InlineData("compare", "net.plan@reference")]
    [InlineData("compare", "--accuracy", "cifar-resnet8", "--data", "procedural:count=8")]
    [InlineData("compare", "--accuracy", "cifar-resnet8", "cifar-resnet8")]
    [InlineData("compare", "--accuracy", "cifar-resnet8", "cifar-resnet8", "--data", "procedural:count=8", "--count", "4")]
    [InlineData("compare", "--accuracy", "cifar-resnet8", "cifar-resnet8", "--data", "procedural:count=8", "--identical")]
    [InlineData("compare", "--accuracy", "cifar-resnet8", "cifar-resnet8@interpreter", "--data", "procedural:count=8")]
    [InlineData("debug", "cifar-resnet8", "--data", "procedural:count=8", "--samples", "0")]
    [InlineData("debug", "cifar-resnet8", "--data", "procedural:count=8", "-o", "/")]
    [InlineData("infer", "cifar-resnet8")]
    [InlineData("infer", "cifar-resnet8", "--input", "nothing=x.npy")]
    [InlineData("infer", "cifar-resnet8", "--input", "nosuchfile.npy")]
    [InlineData("infer", "cifar-resnet8", "--engine", "--interpreter")]
    [InlineData("infer", "cifar-resnet8", "--interpreter", "--batch", "2")]
    [InlineData("infer", "cifar-resnet8", "--reference", "--bf16")]
    [InlineData("infer", "net.plan", "--reference")]
    [InlineData("build", "cifar-resnet8", "--size", "32x32x3")]
    [InlineData("build", "cifar-resnet8", "--size", "0x32")]
    [InlineData("build", "cifar-resnet8", "--size", "x")]
    [InlineData("finetune", "cifar-resnet8", "--data", "procedural", "--lr", "NaN")]
    [InlineData("finetune", "cifar-resnet8", "--data", "procedural", "--momentum", "Infinity")]
    [InlineData("fold-preprocessing", "cifar-resnet8", "--preprocess", "cifar10", "--layout", "hwc")]
    [InlineData("fold-preprocessing", "cifar-resnet8", "--preprocess", "resize=large")]
    [InlineData("eval", "cifar-resnet8", "--data", "procedural:count=8", "--preprocess", "nosuch")]
    [InlineData("build", "cifar-resnet8", "-o", "net.onnx")]
    [InlineData("build", "cifar-resnet8", "--timing-cache", "/")]
    [InlineData("models", "cifar-resnet8", "-o", "")]
    [InlineData("models", "cifar-resnet8", "-o", "/")]
    [InlineData("quantize", "cifar-resnet8", "-o", "/")]
    [InlineData("eval", "cifar-resnet8", "--data", "procedural:count=8", "--predictions", "/")]
    [InlineData("serve", "models", "--http-port", "70000")]
    [InlineData("serve", "models", "--max-batch", "0")]
    [InlineData("serve", "models", "--load-model", "net")]
    [InlineData("serve", "models", "--model-control", "sometimes")]
    [InlineData("serve", "models", "--timing", "--no-timing")]
    [InlineData("serve", "models", "--cache", "folder", "--no-cache")]
    [InlineData("serve", "models", "--certificate-password", "secret")]
    [InlineData("serve", "models", "--timeout", "NaN")]
    [InlineData("serve", "models", "--otlp", "nowhere")]
    [InlineData("client", "localhost:8000", "bench", "net")]
    [InlineData("client", "http://localhost:8000", "measure", "net")]
    [InlineData("client", "http://localhost:8000", "bench", "net", "--concurrency", "0")]
    [InlineData("client", "http://localhost:8000", "bench", "net", "--concurrency", "1.5")]
    [InlineData("client", "http://localhost:8000", "bench", "net", "--request-rate", "fast")]
    [InlineData("client", "http://localhost:8000", "bench", "net", "--request-rate", "10", "--concurrency", "4")]
    [InlineData("client", "http://localhost:8000", "bench", "net", "--poisson")]
    [InlineData("client", "http://localhost:8000", "bench", "net", "--output", "x.npz")]
    [InlineData("client", "http://localhost:8000", "infer", "net", "--batch", "2")]
    public void A_value_that_cannot_be_is_wrong_usage(params string[] arguments) => PithCommand.Run(arguments).Refuses(2);
}
