using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Pith.Compression.Distribution;

/// <summary>
/// Makes a rank's collective calls one after the other, in the order in which they were asked for, while the thread that asked goes on. Ranks must make the same calls in the same order, and MPI takes one at a time,
/// so whatever is exchanged during a step goes through here. After a call has failed no other is made.
/// </summary>
internal sealed class CollectiveThread : IDisposable
{
    private readonly BlockingCollection<(Action Call, SemaphoreSlim Done)> _calls = [];
    private readonly Thread _thread;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Starts the thread.</summary>
    public CollectiveThread()
    {
        _thread = new Thread(Work) { IsBackground = true, Name = "pith collectives" };
        _thread.Start();
    }

    /// <summary>Asks for a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="done">Released when it was made or never will be.</param>
    public void Post(Action call, SemaphoreSlim done) => _calls.Add((call, done));

    /// <summary>Waits until this many of the calls that release <paramref name="done"/> are through.</summary>
    /// <exception cref="PithException">A call has failed, or whatever else it threw.</exception>
    public void Await(SemaphoreSlim done, int calls = 1)
    {
        for (var i = 0; i < calls; i++) done.Wait();
        _failure?.Throw();
    }

    /// <summary>Ends the thread once all calls are made.</summary>
    public void Dispose()
    {
        _calls.CompleteAdding();
        _thread.Join();
        _calls.Dispose();
    }

    private void Work()
    {
        foreach (var (call, done) in _calls.GetConsumingEnumerable())
        {
            try
            {
                if (_failure is null) call();
            }
            catch (Exception failure)
            {
                // It surfaces where the call is waited for.
                _failure = ExceptionDispatchInfo.Capture(failure);
            }
            done.Release();
        }
    }
}
