namespace Pith.Compression.Tests.Data;

/// <summary>Collects the notes that are reported; thread-safe.</summary>
internal sealed class NoteList : IProgress<PithEvent>
{
    private readonly List<string> _messages = [];

    /// <summary>A copy of what was reported so far.</summary>
    public IReadOnlyList<string> Messages
    {
        get
        {
            lock (_messages) return [.. _messages];
        }
    }

    public void Report(PithEvent value)
    {
        if (value is not Warning note) return;
        lock (_messages) _messages.Add(note.Message);
    }
}
