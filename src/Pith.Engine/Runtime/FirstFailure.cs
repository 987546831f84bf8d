using System.Runtime.ExceptionServices;

namespace Pith.Runtime;

/// <summary>What failed among parts that run side by side. Of several failures the one of the lowest part is kept, which is the one that running them in order would have met first. Thread-safe.</summary>
internal sealed class FirstFailure
{
    private readonly Lock _gate = new();
    private ExceptionDispatchInfo? _failure;
    private int _part;

    /// <summary>Keeps the failure of a part unless a lower one has failed.</summary>
    public void Add(int part, Exception failure)
    {
        lock (_gate)
            if (_failure is null || part < _part) (_failure, _part) = (ExceptionDispatchInfo.Capture(failure), part);
    }

    /// <summary>Throws the failure as it was thrown in the part, once. For the thread that has waited for all parts.</summary>
    public void ThrowIfAny()
    {
        if (_failure is not { } failure) return;
        _failure = null;
        failure.Throw();
    }
}
