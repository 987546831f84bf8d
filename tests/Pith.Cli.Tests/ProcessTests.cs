using System.Diagnostics;
using System.Text.Json;
using Pith.Compression.Training;
using Pith.Kernels;

namespace Pith.Cli.Tests;

/// <summary>The program as users run it: exit code and streams of a real process.</summary>
public sealed class ProcessTests
{
    [Fact]
    public void A_process_writes_its_result_to_standard_output_and_nothing_else()
    {
        var result = Start("eval", "cifar-resnet8", "--data", "procedural:count=32", "--json");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(32, JsonDocument.Parse(result.Output).RootElement.GetProperty("count").GetInt32());
        Assert.DoesNotContain('\u001b', result.Output + result.Error);
    }

    [Fact]
    public void A_process_ends_with_the_exit_code_of_its_failure()
    {
        var missing = Start("info", "missing.onnx");
        Assert.Equal((1, ""), (missing.ExitCode, missing.Output));
        Assert.StartsWith("pith: There is no file 'missing.onnx'", missing.Error, StringComparison.Ordinal);
        Assert.Equal(2, Start("compress").ExitCode);
    }

    [Fact]
    public void Bf16_on_a_machine_without_it_changes_nothing_and_says_why()
    {
        using var folder = new TemporaryFolder();
        var result = Start("avx2", ["build", "cifar-resnet8", "--bf16", "--no-timing", "--verbose", "-o", folder.File("net.plan")]).Ends(0);
        Assert.DoesNotContain("bfloat16", result.Output, StringComparison.Ordinal);
        Assert.Matches(@"- bf16-avx512bf16 \(\d+ ways\): needs AVX-512, AVX512-BF16", result.Output);
    }

    [Fact]
    public void A_training_that_is_killed_goes_on_from_its_last_checkpoint_to_the_same_file()
    {
        using var folder = new TemporaryFolder();
        string[] Train(string output) => ["train", "cifar-resnet8", "--data", "procedural:count=128", "--epochs", "4", "--batch", "32", "--ema-decay", "0.99", "--checkpoint-every", "0", "-o", folder.File(output)];
        Start(null, Train("whole.onnx")).Ends(0);

        var checkpoint = folder.File("killed.onnx.checkpoint");
        using (var victim = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Pith.Cli.dll"), .. Train("killed.onnx")]) { RedirectStandardOutput = true, RedirectStandardError = true })!)
        {
            Assert.True(SpinWait.SpinUntil(() => File.Exists(checkpoint) || victim.HasExited, TimeSpan.FromMinutes(1)));
            victim.Kill();
            victim.WaitForExit();
        }
        var left = Checkpoint.Read(checkpoint).State;
        Assert.InRange(left.Step, 1, 15);
        // What was being written when it was killed.
        File.WriteAllText($"{checkpoint}.{Guid.NewGuid():N}.tmp", "half");
        Start(null, Train("killed.onnx")).Ends(0);
        Assert.Equal(File.ReadAllBytes(folder.File("whole.onnx")), File.ReadAllBytes(folder.File("killed.onnx")));
        Assert.Equal(["killed.onnx", "whole.onnx"], Directory.GetFiles(Path.GetDirectoryName(checkpoint)!).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Nothing_grows_or_works_on_when_plans_are_loaded_run_and_disposed_for_some_seconds()
    {
        var result = Run("Pith.Soak.dll", null, ["--minutes", "0.17"]);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        Assert.Contains("PASSED", result.Output, StringComparison.Ordinal);
    }

    private static CommandResult Start(params string[] arguments) => Start(null, arguments);

    private static CommandResult Start(string? maxIsa, string[] arguments) => Run("Pith.Cli.dll", maxIsa, arguments);

    /// <summary>The program lies beside the tests, as every assembly that they refer to.</summary>
    private static CommandResult Run(string program, string? maxIsa, string[] arguments)
    {
        var limit = TimeSpan.FromMinutes(1);
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, program), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (maxIsa is not null) start.Environment[Isa.CapVariable] = maxIsa;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (!process.WaitForExit(limit))
        {
            process.Kill();
            Assert.Fail($"not finished after {limit}: {program} {string.Join(' ', arguments)}");
        }
        process.WaitForExit();
        return new CommandResult(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }
}
