using System.Diagnostics;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>
/// Progress for a terminal: one line that is redrawn in place with bar, share, time left and detail; it stays as a summary when its task is finished.
/// </summary>
internal sealed class BarSink(IAnsiConsole console) : IProgress<PithEvent>, IDisposable
{
    private const int BarWidth = 28;
    private static readonly TimeSpan s_redrawInterval = TimeSpan.FromMilliseconds(100);
    private readonly Lock _lock = new();
    private readonly Stopwatch _task = new();
    private readonly Stopwatch _sinceDraw = Stopwatch.StartNew();
    private ProgressMade? _current;

    public void Report(PithEvent value)
    {
        lock (_lock)
        {
            switch (value)
            {
                case Warning note:
                    Erase();
                    console.Line($"[grey]note:[/] {note.Message}");
                    break;
                case ProgressMade progress:
                    Advance(progress);
                    break;
            }
        }
    }

    /// <summary>Leaves the last line standing.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_current is { } current) Finish(current);
        }
    }

    private void Advance(ProgressMade progress)
    {
        var isNew = _current?.Task != progress.Task;
        if (isNew)
        {
            if (_current is { } previous) Finish(previous);
            _task.Restart();
        }
        _current = progress;
        if (progress.Done >= progress.Total) Finish(progress);
        else if (isNew || _sinceDraw.Elapsed > s_redrawInterval) Draw(progress, TimeLeft(progress));
    }

    private void Finish(ProgressMade progress)
    {
        Draw(progress, Text(_task.Elapsed));
        console.WriteLine();
        _current = null;
    }

    private void Draw(ProgressMade progress, string time)
    {
        _sinceDraw.Restart();
        var share = progress.Total > 0 ? Math.Clamp((double)progress.Done / progress.Total, 0, 1) : 0;
        var filled = (int)Math.Round(share * BarWidth);
        var line = $"{progress.Task,-28} {new string('━', filled)}{new string('─', BarWidth - filled)} {share,4:P0} {time,7}  {progress.Detail}";
        Erase();
        console.Write(new Text(SafeText.Of(line.Length < console.Profile.Width ? line : line[..(console.Profile.Width - 1)])));
    }

    private void Erase() => console.Write(new ControlCode("\r\u001b[2K"));

    private string TimeLeft(ProgressMade progress) =>
        progress.Done == 0 ? "--:--" : Text(_task.Elapsed * ((double)(progress.Total - progress.Done) / progress.Done));

    private static string Text(TimeSpan time) => time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}" : $"{time.Minutes}:{time.Seconds:00}";
}
