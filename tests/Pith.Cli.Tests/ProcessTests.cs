using System.Diagnostics;
using System.Text.Json;

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

    /// <summary>The program lies beside the tests, as every assembly that they refer to.</summary>
    private static CommandResult Start(params string[] arguments)
    {
        var limit = TimeSpan.FromMinutes(1);
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Pith.Cli.dll"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (!process.WaitForExit(limit))
        {
            process.Kill();
            Assert.Fail($"not finished after {limit}: pith {string.Join(' ', arguments)}");
        }
        process.WaitForExit();
        return new CommandResult(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }
}
