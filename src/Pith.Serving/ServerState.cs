namespace Pith.Serving;

/// <summary>Whether the server is ready: its repository is, and it is not stopping.</summary>
internal sealed class ServerState(ModelRepository repository)
{
    private volatile bool _isStopping;

    public bool IsReady => !_isStopping && repository.IsReady;

    /// <summary>From now on the server is not ready.</summary>
    public void Stop() => _isStopping = true;
}
