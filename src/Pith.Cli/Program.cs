using System.CommandLine.Invocation;
using Pith.Compression.Distribution;

namespace Pith.Cli;

/// <summary>The program <c>pith</c>. Exit codes: 0 done, 1 the work failed or a check did not hold, 2 the command line was wrong.</summary>
internal static class Program
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    public static async Task<int> Main(string[] args)
    {
        // The terminal that mpirun gives to its processes would get escape codes of .NET's at the start, in front of the result.
        if (MpiGroup.LaunchedSize > 1) Environment.SetEnvironmentVariable("TERM", "dumb");
        var parsed = CommandLine.Build().Parse(args);
        // With --help the action is another one, and missing arguments do not matter.
        if (parsed.Action is ParseErrorAction) return CommandLine.ReportUsage(parsed);
        return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = CommandLine.TimeToStop(parsed) });
    }
}
