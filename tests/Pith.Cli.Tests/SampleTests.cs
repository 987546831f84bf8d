using System.Diagnostics;
using System.Globalization;

namespace Pith.Cli.Tests;

/// <summary>The sample programs, as they were built, do what the documents say of them.</summary>
public sealed class SampleTests
{
    private const long LargestNativeProgram = 25_000_000;

    // Each trains or calibrates a small network, which takes seconds: the programs of the documents are run as they are shown.
    [Theory]
    [InlineData("Quickstart", "scores of 8 images")]
    [InlineData("Workflow", "2:4 INT8: ")]
    public void The_programs_of_the_documents_run(string sample, string expected)
    {
        var program = Path.Combine(Repository.Root, $"artifacts/bin/{sample}/release/{sample}.dll");
        Assert.SkipUnless(File.Exists(program), $"The sample was not built: dotnet build samples/{sample} -c Release");
        using var folder = new TemporaryFolder();
        var (code, output, error) = Run("dotnet", [program], folder.Path);
        Assert.True(code == 0, error);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_native_program_answers_as_the_engine_does()
    {
        var program = Path.Combine(Repository.Root, "artifacts/publish/AotClassifier/release_linux-x64/AotClassifier");
        Assert.SkipUnless(File.Exists(program), "The sample was not published: dotnet publish samples/AotClassifier -c Release -r linux-x64");
        Assert.InRange(new FileInfo(program).Length, 1, LargestNativeProgram);
        using var folder = new TemporaryFolder();
        var (plan, input) = (folder.File("net.plan"), folder.File("input.raw"));
        using var engine = EngineBuilder.Build(Pith.Models.ModelCatalog.Find("cifar-resnet8").Build(), new EngineOptions { Threads = 1, TimeTactics = false });
        engine.Save(plan);
        using var context = engine.CreateContext();
        var bytes = context.InputBytes(engine.Inputs[0].Name);
        var elements = context.Input<float>(engine.Inputs[0].Name);
        for (var i = 0; i < elements.Length; i++) elements[i] = i % 17 / 8f - 1;
        File.WriteAllBytes(input, bytes);
        context.Run();
        var scores = context.Output<float>(engine.Outputs[0].Name).ToArray();

        var (code, output, error) = Run(program, plan, input);
        Assert.True(code == 0, error);
        var best = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        var expected = Enumerable.Range(0, scores.Length).OrderByDescending(index => scores[index]).Take(5).ToArray();
        Assert.Equal(expected.Select(index => scores[index].ToString("F3", CultureInfo.InvariantCulture)), best.Select(line => line[0]));

        // A damaged plan and an input of another size are messages, not crashes.
        File.WriteAllBytes(input, bytes[..^4]);
        Assert.Equal((1, true), (Run(program, plan, input).Code, Run(program, plan, input).Error.Contains("bytes of elements", StringComparison.Ordinal)));
        var damaged = File.ReadAllBytes(plan);
        damaged[^1] ^= 1;
        File.WriteAllBytes(plan, damaged);
        Assert.Contains("damaged", Run(program, plan, input).Error, StringComparison.Ordinal);
    }

    private static (int Code, string Output, string Error) Run(string program, params string[] arguments) => Run(program, arguments, ".");

    private static (int Code, string Output, string Error) Run(string program, string[] arguments, string folder)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
