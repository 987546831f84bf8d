namespace Pith.Compression.Data;

/// <summary>Passes on the notes about the first files; a large set of damaged files must not drown everything else.</summary>
internal sealed class FirstNotes(IProgress<PithEvent> events, string name) : IProgress<PithEvent>
{
    private const int Most = 5;
    private int _count;

    public void Report(PithEvent value)
    {
        var count = Interlocked.Increment(ref _count);
        if (count <= Most) events.Report(value);
        if (count == Most) events.Report(new Warning($"Dataset '{name}': notes about further damaged files are left out."));
    }
}
