namespace Pith.Cli.Reporting;

/// <summary>Shows the progress of one part of long work as that of the whole, so that there is one bar with the time left for everything.</summary>
/// <param name="events">Whoever watches the whole.</param>
/// <param name="task">The name of the whole.</param>
/// <param name="index">Which part this is, from 0.</param>
/// <param name="count">How many parts there are.</param>
/// <param name="detail">What this part is.</param>
internal sealed class PartOfProgress(IProgress<PithEvent> events, string task, int index, int count, string detail) : IProgress<PithEvent>
{
    private const int Steps = 1000;

    public void Report(PithEvent value)
    {
        if (value is not ProgressMade made) events.Report(value);
        // The end of the last part is reported by whoever has all.
        else if (made.Done < made.Total) events.Report(new ProgressMade(task, (long)index * Steps + made.Done * Steps / made.Total, (long)count * Steps, detail));
    }

    /// <summary>Says that all parts are done.</summary>
    public static void End(IProgress<PithEvent> events, string task, int count) => events.Report(new ProgressMade(task, (long)count * Steps, (long)count * Steps));

    /// <summary>Says that this part begins.</summary>
    public void Begin() => events.Report(new ProgressMade(task, (long)index * Steps, (long)count * Steps, detail));
}
