using System.Diagnostics;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>Progress for logs and pipes: the first and last step of a task and, in between, a line every few seconds.</summary>
internal sealed class LineSink(IAnsiConsole console) : IProgress<PithEvent>
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);
    private readonly Lock _lock = new();
    private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
    private string _task = "";

    public void Report(PithEvent value)
    {
        lock (_lock)
        {
            switch (value)
            {
                case Warning note:
                    console.Line($"note: {note.Message}");
                    break;
                case ProgressMade progress when progress.Task != _task || progress.Done == progress.Total || _sinceLine.Elapsed > s_interval:
                    _task = progress.Task;
                    _sinceLine.Restart();
                    console.Line($"{progress.Task}: {progress.Done}/{progress.Total} {progress.Detail}");
                    break;
            }
        }
    }
}
