namespace Pith.Compression.Training;

/// <summary>
/// Writes checkpoints beside the training: a thread of its own hashes, writes, flushes and renames, so that a step waits only for the copy that it hands over. Whenever the process is killed, the file holds the last checkpoint that was written whole.
/// One caller at a time.
/// </summary>
internal sealed class CheckpointWriter : IDisposable
{
    private readonly string _path;
    private Task _writing = Task.CompletedTask;

    /// <param name="path">The file. What a killed process left beside it is removed.</param>
    public CheckpointWriter(string path)
    {
        _path = path;
        AtomicFile.RemoveLeftovers(path);
    }

    /// <summary>Whether the last checkpoint is still being written.</summary>
    public bool IsBusy => !_writing.IsCompleted;

    /// <summary>Starts to write a checkpoint, after the one before.</summary>
    /// <param name="checkpoint">Must not change any more.</param>
    /// <exception cref="PithException">The one before could not be written.</exception>
    public void Start(Checkpoint checkpoint)
    {
        Finish();
        _writing = Task.Run(() => checkpoint.Write(_path));
    }

    /// <summary>Waits until the last checkpoint is on disk.</summary>
    /// <exception cref="PithException">It could not be written.</exception>
    public void Finish()
    {
        var writing = _writing;
        _writing = Task.CompletedTask;
        writing.GetAwaiter().GetResult();
    }

    /// <summary>Waits for a checkpoint that is being written when training fails; whether it succeeds changes nothing.</summary>
    public void Dispose() => ((IAsyncResult)_writing).AsyncWaitHandle.WaitOne();
}
