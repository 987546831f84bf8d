namespace Pith.Bench;

/// <summary>A few threads that work through phases together and spin between them.</summary>
internal sealed unsafe class Team : IDisposable
{
    private readonly Thread[] _helpers;
    private readonly float*[] _workspaces;
    private IReadOnlyList<Phase> _phases = [];
    private int _generation, _next, _arrived, _barrier, _threads;
    private volatile bool _stopped;

    public Team(int threads, long workspaceFloats)
    {
        _workspaces = new float*[threads];
        for (var i = 0; i < threads; i++) _workspaces[i] = Operand.Zeros(workspaceFloats);
        _helpers = new Thread[threads - 1];
        for (var i = 0; i < _helpers.Length; i++)
        {
            var index = i + 1;
            _helpers[i] = new Thread(() => Help(index)) { IsBackground = true };
            _helpers[i].Start();
        }
    }

    /// <summary>Runs the phases on the first <paramref name="threads"/> members, the caller among them.</summary>
    public void Run(IReadOnlyList<Phase> phases, int threads)
    {
        _phases = phases;
        _threads = threads;
        Volatile.Write(ref _generation, _generation + 1);
        Work(0);
    }

    /// <summary>Lets the helper threads end, so that they do not spin beside the next measurement.</summary>
    public void Dispose()
    {
        _stopped = true;
        foreach (var helper in _helpers) helper.Join();
    }

    private void Help(int index)
    {
        for (var seen = 0; ; seen++)
        {
            while (Volatile.Read(ref _generation) == seen)
            {
                if (_stopped) return;
            }
            if (index < Volatile.Read(ref _threads)) Work(index);
        }
    }

    private void Work(int index)
    {
        foreach (var phase in _phases)
        {
            for (int item; (item = Interlocked.Increment(ref _next) - 1) < phase.Items;) phase.Run(item, item + 1, _workspaces[index]);
            Barrier();
        }
    }

    private void Barrier()
    {
        var barrier = Volatile.Read(ref _barrier);
        if (Interlocked.Increment(ref _arrived) == _threads)
        {
            _arrived = 0;
            _next = 0;
            Volatile.Write(ref _barrier, barrier + 1);
            return;
        }
        while (Volatile.Read(ref _barrier) == barrier) { }
    }
}
