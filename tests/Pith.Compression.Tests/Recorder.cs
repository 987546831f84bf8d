namespace Pith.Compression.Tests;

/// <summary>Hands events over, on the thread that reports them.</summary>
internal sealed class Recorder(Action<PithEvent> receive) : IProgress<PithEvent>
{
    public Recorder(List<PithEvent> events) : this(events.Add) { }

    public void Report(PithEvent value) => receive(value);
}
