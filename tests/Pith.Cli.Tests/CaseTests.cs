using Pith.Compression.Data;
using Pith.TestKit;

namespace Pith.Cli.Tests;

/// <summary>Tests that change the process's current directory: nothing else runs meanwhile.</summary>
[CollectionDefinition(nameof(CurrentDirectory), DisableParallelization = true)]
public sealed class CurrentDirectory;

/// <summary>The cases that reports about other programs describe, as a user meets them: the commands of their descriptions, with exit code and message.</summary>
[Collection(nameof(CurrentDirectory))]
public sealed class CaseTests
{
    public static TheoryData<string> Cases => [.. CaseCommand.All.Select(command => command.Case).Distinct()];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Commands_do_what_is_right(string name)
    {
        using var folder = CopyOf(name);
        foreach (var command in CaseCommand.All.Where(command => command.Case == name)) Check(command, folder);
    }

    [Theory]
    [InlineData("double-cast")]
    [InlineData("double-io")]
    [InlineData("fp16-cast")]
    [InlineData("fp16-io")]
    public void Networks_in_half_and_double_precision_are_compressed(string variant)
    {
        using var folder = CopyOf("40-half-double");
        var random = new Random(40);
        var images = Tensor.Zeros<float>(new Shape(32, 3, 8, 8));
        foreach (ref var x in images.Span) x = random.NextSingle() * 2 - 1;
        Npz.Write(folder.File("data.npz"), [new("x", images), new("y", Tensor.Vector<long>([.. Enumerable.Range(0, 32).Select(i => (long)(i % 4))]))]);
        foreach (var line in (string[])[$"eval {variant}/model.onnx --data npz:data.npz --batch 5", $"quantize {variant}/model.onnx --data npz:data.npz --samples 16 -o int8.onnx", "eval int8.onnx --data npz:data.npz", $"prune {variant}/model.onnx -o sparse.onnx", "finetune sparse.onnx --data npz:data.npz --batch 16 --epochs 1 -o tuned.onnx"])
            Check(new CaseCommand("40-half-double", line), folder);
        Check(new CaseCommand("40-half-double", $"compare {variant}/model.onnx --data npz:data.npz --min-snr 40"), folder);
        Check(new CaseCommand("40-half-double", $"compare {variant}/model.onnx int8.onnx --data npz:data.npz --min-snr 10"), folder);
        Check(new CaseCommand("40-half-double", "compare int8.onnx@literal int8.onnx@engine --data npz:data.npz --min-snr 100"), folder);
    }

    private static void Check(CaseCommand command, TemporaryFolder folder)
    {
        var result = In(folder, command.Line.Split(' '));
        var text = string.Join(' ', $"{result.Output} {result.Error}".Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        var repro = $"in {command.Case}: pith {command.Line}\nexit code {result.ExitCode}\n{result.Output}{result.Error}";
        Assert.True(result.ExitCode == command.Exits, $"expected exit code {command.Exits} {repro}");
        foreach (var part in Parts(command.Says)) Assert.True(text.Contains(part, StringComparison.Ordinal), $"expected '{part}' {repro}");
        foreach (var part in Parts(command.SaysNot).Concat(["bug in Pith", "   at Pith"])) Assert.False(text.Contains(part, StringComparison.Ordinal), $"unexpected '{part}' {repro}");
        if (command.Exits != 0) Assert.True(!folder.Files.Any(file => file.EndsWith(".tmp", StringComparison.Ordinal) || Path.GetFileName(file).StartsWith("x.", StringComparison.Ordinal)), $"a file is left {repro}");
        if (command.Equal.Split(' ') is [var first, var second]) Assert.True(File.ReadAllBytes(folder.File(first)).AsSpan().SequenceEqual(File.ReadAllBytes(folder.File(second))), $"'{first}' and '{second}' differ {repro}");
    }

    private static string[] Parts(string texts) => texts.Split('|', StringSplitOptions.RemoveEmptyEntries);

    private static CommandResult In(TemporaryFolder folder, string[] arguments)
    {
        var before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = folder.Path;
        try
        {
            return PithCommand.Run(arguments);
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    private static TemporaryFolder CopyOf(string name)
    {
        var source = SharedData.Case(name);
        Assert.SkipWhen(source is null, $"The case '{name}' is not on this machine.");
        var folder = new TemporaryFolder();
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = folder.File(Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        return folder;
    }
}
