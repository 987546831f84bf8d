using Pith.Compression.Distribution;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>
/// Where a verb writes. Results go to standard output, as tables for people or as one JSON document; progress, notes and errors go to standard error,
/// so that a pipe sees results only.
/// </summary>
internal sealed class Terminal
{
    private static readonly TimeSpan s_firstSpeaks = TimeSpan.FromSeconds(2);
    private readonly TextWriter _writer;
    private readonly IAnsiConsole _output;
    private readonly IAnsiConsole _error;
    private readonly bool _drawsBars;
    private readonly bool _quiet;
    private readonly int _rank;

    /// <param name="output">Receives results: the console, or any writer, which gets text without escape codes.</param>
    /// <param name="error">Receives progress, notes and errors, likewise.</param>
    /// <param name="json">Whether the result is wanted as JSON.</param>
    /// <param name="quiet">Whether progress and notes are left out.</param>
    /// <param name="rank">Which of the processes that work together this is: only the first, 0, speaks, unless another one fails.</param>
    public Terminal(TextWriter output, TextWriter error, bool json, bool quiet, int rank = 0)
    {
        IsJson = json;
        _quiet = quiet || rank > 0;
        _rank = rank;
        // mpirun gives its processes a terminal, but it is a pipe to mpirun.
        var onTerminal = MpiGroup.LaunchedSize <= 1;
        _drawsBars = onTerminal && error == System.Console.Error && !System.Console.IsErrorRedirected;
        _writer = output;
        _output = Console(output, onTerminal && output == System.Console.Out && !System.Console.IsOutputRedirected);
        _error = Console(error, _drawsBars);
    }

    /// <summary>True when the result is wanted as JSON.</summary>
    public bool IsJson { get; }

    /// <summary>Writes the result as JSON when that was asked for, else calls <paramref name="draw"/>.</summary>
    public void Result(object json, Action<IAnsiConsole> draw)
    {
        if (_rank > 0) return;
        if (IsJson) _writer.WriteLine(JsonText.Of(json));
        else draw(_output);
    }

    /// <summary>Writes a note for the user to standard error.</summary>
    public void Note(string message)
    {
        if (!_quiet) _error.Line($"[grey]note:[/] {message}");
    }

    /// <summary>Writes an error to standard error.</summary>
    /// <param name="message">What went wrong; may hold names of anything.</param>
    /// <param name="next">What to do, on a line of its own.</param>
    public void Error(string message, string? next = null)
    {
        if (_rank > 0)
        {
            // What fails on all ranks is said by the first, which then ends the others.
            Thread.Sleep(s_firstSpeaks);
            message = $"rank {_rank} on {Environment.MachineName}: {message}";
        }
        _error.Line($"[red]pith:[/] {message}");
        if (next is not null) _error.Line($"{next}");
    }

    /// <summary>Runs long work with a sink for its events: progress bars with time left on a terminal, a line now and then elsewhere.</summary>
    public T Track<T>(Func<IProgress<PithEvent>, T> work)
    {
        if (_quiet) return work(new SilentSink());
        if (!_drawsBars) return work(new LineSink(_error));
        using var bars = new BarSink(_error);
        return work(bars);
    }

    private static IAnsiConsole Console(TextWriter writer, bool onTerminal)
    {
        var console = SafeText.Attach(AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            // Escape codes are for terminals; in a log they are noise.
            Ansi = onTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = onTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        }));
        // A file or a pipe has no width: let a table be as wide as it needs to be.
        if (!onTerminal) console.Profile.Width = 160;
        return console;
    }

    private sealed class SilentSink : IProgress<PithEvent>
    {
        public void Report(PithEvent value) { }
    }
}
