using System.Diagnostics;

namespace Pith.Serving;

/// <summary>A checked request that waits for an instance. It is completed once: by the instance that took it, or by whoever took it out of the queue.</summary>
internal sealed class PendingRequest
{
    private readonly TaskCompletionSource<byte[][]> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The data of each input, in the model's order; readable until <see cref="Answer"/> is complete.</summary>
    public required ReadOnlyMemory<byte>[] Inputs { get; init; }

    /// <summary>Rows of the batch.</summary>
    public required int Rows { get; init; }

    /// <summary>When the answer is of no use any more, in ticks of <see cref="Stopwatch"/>.</summary>
    public required long Deadline { get; init; }

    /// <summary>When the request came into the queue, in ticks of <see cref="Stopwatch"/>.</summary>
    public long QueuedAt { get; set; }

    /// <summary>Its place in the queue; null when it is not, or no longer, there. Changed by the scheduler under its lock.</summary>
    public LinkedListNode<PendingRequest>? Place { get; set; }

    /// <summary>The data of each output, in the model's order.</summary>
    public Task<byte[][]> Answer => _answer.Task;

    public void Complete(byte[][] outputs) => _answer.TrySetResult(outputs);

    public void Fail(Exception failure) => _answer.TrySetException(failure);

    public void Cancel(CancellationToken cancellation) => _answer.TrySetCanceled(cancellation);
}
