using System.Text.Json;

namespace Pith.Cli.Tests;

/// <summary>What one call of the program left.</summary>
/// <param name="ExitCode">0, 1 or 2.</param>
/// <param name="Output">All of standard output.</param>
/// <param name="Error">All of standard error.</param>
internal sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>Standard output as the one JSON document that it must be.</summary>
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    /// <summary>Fails, with everything that was written, unless the command ended with <paramref name="exitCode"/>.</summary>
    public CommandResult Ends(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode}, expected {exitCode}\nstdout: {Output}\nstderr: {Error}");
        return this;
    }

    /// <summary>Fails unless the command ended with <paramref name="exitCode"/> (1 or 2), one clear message on standard error and nothing on standard output.</summary>
    public CommandResult Refuses(int exitCode)
    {
        Ends(exitCode);
        Assert.Equal("", Output);
        Assert.Contains("pith: ", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("bug in Pith", Error, StringComparison.Ordinal);
        return this;
    }
}

/// <summary>Runs the program <c>pith</c> in this process, which takes milliseconds.</summary>
internal static class PithCommand
{
    public static CommandResult Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = Program.RunAsync(arguments, TextWriter.Synchronized(output), TextWriter.Synchronized(error)).GetAwaiter().GetResult();
        return new CommandResult(exitCode, output.ToString(), error.ToString());
    }
}
