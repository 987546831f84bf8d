using System.Diagnostics;

namespace Pith.Serving;

/// <summary>A checked request that waits for an instance. It is completed once: by the instance that took it, or by whoever took it out of the queue.</summary>
internal sealed class PendingRequest
{
    // Where it is completed says who goes on with it: see below.
    private readonly TaskCompletionSource<byte[][]> _answer = new();

    /// <summary>The data of each input, in the model's order; readable until <see cref="Answer"/> is complete.</summary>
    public required ReadOnlyMemory<byte>[] Inputs { get; init; }

    /// <summary>Rows of the batch.</summary>
    public required int Rows { get; init; }

    /// <summary>When the answer is of no use any more, in ticks of <see cref="Stopwatch"/>.</summary>
    public required long Deadline { get; init; }

    /// <summary>When the request began to arrive, in ticks of <see cref="Stopwatch"/>.</summary>
    public required long ArrivedAt { get; init; }

    /// <summary>When its run ended, in ticks of <see cref="Stopwatch"/>.</summary>
    public long CompletedAt { get; set; }

    /// <summary>When the request came into the queue, in ticks of <see cref="Stopwatch"/>.</summary>
    public long QueuedAt { get; set; }

    /// <summary>Its place in the queue; null when it is not, or no longer, there. Changed by the scheduler under its lock.</summary>
    public LinkedListNode<PendingRequest>? Place { get; set; }

    /// <summary>The data of each output, in the model's order.</summary>
    public Task<byte[][]> Answer => _answer.Task;

    /// <summary>Hands out the answer. Its caller goes on elsewhere.</summary>
    public void Complete(byte[][] outputs) => ThreadPool.UnsafeQueueUserWorkItem(static work => work.Answer._answer.TrySetResult(work.Outputs), (Answer: this, Outputs: outputs), preferLocal: false);

    /// <summary>Hands out the answer, and lets its caller send it from this thread, which has nothing else to do: that saves waking another one.</summary>
    public void CompleteHere(byte[][] outputs) => _answer.TrySetResult(outputs);

    /// <summary>Says that there is no answer. The caller goes on elsewhere.</summary>
    public void Fail(Exception failure) => ThreadPool.UnsafeQueueUserWorkItem(static work => work.Answer._answer.TrySetException(work.Failure), (Answer: this, Failure: failure), preferLocal: false);

    /// <summary>Says that nobody waits for the answer any more. The caller goes on elsewhere.</summary>
    public void Cancel(CancellationToken cancellation) => ThreadPool.UnsafeQueueUserWorkItem(static work => work.Answer._answer.TrySetCanceled(work.Cancellation), (Answer: this, Cancellation: cancellation), preferLocal: false);
}
