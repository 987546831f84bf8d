using System.CommandLine.Invocation;
using Pith.Compression.Distribution;

namespace Pith.Cli;

/// <summary>The program <c>pith</c>. Exit codes: 0 done, 1 the work failed or a check did not hold, 2 the command line was wrong.</summary>
internal static class Program
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    public static Task<int> Main(string[] args)
    {
        // Before the console is used: the terminal that mpirun gives to its processes would get escape codes of .NET's at the start, in front of the result.
        if (MpiGroup.LaunchedSize > 1) Environment.SetEnvironmentVariable("TERM", "dumb");
        return RunAsync(args, Console.Out, Console.Error);
    }

    /// <summary>Runs one command line. Any number may run at the same time in one process, each with writers of its own.</summary>
    /// <param name="args">The command line without the program's name.</param>
    /// <param name="output">Receives results.</param>
    /// <param name="error">Receives progress, notes and errors.</param>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        var parsed = CommandLine.Build().Parse(args);
        // With --help the action is another one, and missing arguments do not matter.
        if (parsed.Action is ParseErrorAction) return CommandLine.ReportUsage(parsed, error);
        return await parsed.InvokeAsync(new() { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = CommandLine.TimeToStop(parsed) });
    }
}
