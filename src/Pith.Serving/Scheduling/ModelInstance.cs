using System.Diagnostics;

namespace Pith.Serving;

/// <summary>
/// One context of an engine with a thread of its own, which takes batches from the scheduler, runs them and hands out the rows of the results; while there is only one request its caller borrows the context.
/// Inputs are copied once, from where the request was received into the context; outputs once, into arrays that belong to the answers.
/// </summary>
internal sealed class ModelInstance : IDisposable
{
    private readonly EngineContext _context;
    private readonly ModelSignature _signature;
    private readonly BatchScheduler _scheduler;
    private readonly ModelStatistics _statistics;
    private readonly ServingLog _log;
    private readonly int _number;
    private readonly Thread _thread;

    /// <param name="number">Its number among the model's instances, from 0.</param>
    /// <param name="context">The context, which the instance takes over.</param>
    /// <param name="signature">The model's inputs and outputs.</param>
    /// <param name="scheduler">Where requests come from.</param>
    /// <param name="statistics">Where executions are counted.</param>
    /// <param name="log">Receives failures.</param>
    /// <param name="processor">The processor that the thread is bound to; null to let the system choose.</param>
    public ModelInstance(int number, EngineContext context, ModelSignature signature, BatchScheduler scheduler, ModelStatistics statistics, ServingLog log, int? processor)
    {
        (_number, _context, _signature, _scheduler, _statistics, _log) = (number, context, signature, scheduler, statistics, log);
        _thread = new Thread(() => Work(processor)) { IsBackground = true, Name = $"Pith {statistics.Model} {number}" };
        _thread.Start();
    }

    /// <summary>Waits until the queue of the stopped scheduler is empty, then frees the context.</summary>
    public void Dispose()
    {
        _thread.Join();
        _context.Dispose();
    }

    /// <summary>Runs one request on the caller's thread, which has borrowed the instance and gives it back so.</summary>
    /// <returns>The data of each output, in the model's order.</returns>
    /// <exception cref="RequestException">The network could not be run.</exception>
    public byte[][] RunBorrowed(PendingRequest request)
    {
        var begin = Stopwatch.GetTimestamp();
        try
        {
            var answer = Run([request])[0];
            _scheduler.Ran(_number, request.Rows, Stopwatch.GetTimestamp() - begin);
            return answer;
        }
        catch (Exception failure)
        {
            throw Failed(failure);
        }
        finally
        {
            _scheduler.Return(_number);
        }
    }

    private void Work(int? processor)
    {
        if (processor is { } bound) Bind(bound);
        var batch = new List<PendingRequest>();
        while (_scheduler.Take(_number, batch))
        {
            var begin = Stopwatch.GetTimestamp();
            try
            {
                var answers = Run(batch);
                if (answers.Length == 1 && _scheduler.IsIdle) batch[0].CompleteHere(answers[0]);
                else for (var i = 0; i < answers.Length; i++) batch[i].Complete(answers[i]);
                // What waits must also wait until the answers are handed out.
                _scheduler.Ran(_number, batch.Sum(request => request.Rows), Stopwatch.GetTimestamp() - begin);
            }
            catch (Exception failure)
            {
                var failed = Failed(failure);
                foreach (var request in batch) request.Fail(failed);
            }
            batch.Clear();
        }
    }

    // Whatever it is, it belongs to these requests: the next ones may be answered.
    private RequestException Failed(Exception failure)
    {
        _log.RunFailed(_statistics.Model, _statistics.Version, failure);
        return new RequestException(RequestFault.Internal, $"Model '{_statistics.Model}' could not be run: {failure.Message}", failure);
    }

    private void Bind(int processor)
    {
        try
        {
            ThreadAffinity.PinCurrentThread(processor);
        }
        catch (PithException failure)
        {
            _log.Note(_statistics.Model, failure.Message);
        }
    }

    private byte[][][] Run(List<PendingRequest> batch)
    {
        var begin = Stopwatch.GetTimestamp();
        var rows = 0;
        foreach (var request in batch)
        {
            CopyInputs(request, rows);
            rows += request.Rows;
            _statistics.Queue.Add(1, begin - request.QueuedAt);
        }
        var copied = Stopwatch.GetTimestamp();
        // Rows that nobody asked for are computed when the engine has no smaller batch; they hold what earlier runs left.
        _context.Run(_signature.IsStackable ? Math.Max(rows, _signature.MinBatch) : rows);
        var computed = Stopwatch.GetTimestamp();
        var row = 0;
        var answers = new byte[batch.Count][][];
        for (var i = 0; i < answers.Length; i++)
        {
            answers[i] = CopyOutputs(batch[i], row);
            row += batch[i].Rows;
        }
        var end = Stopwatch.GetTimestamp();
        // Counted before they are answered: who has an answer finds it in the statistics.
        _statistics.Executed(batch.Count, rows, new ExecutionTimes(copied - begin, computed - copied, end - computed));
        foreach (var request in batch) request.CompletedAt = end;
        return answers;
    }

    private void CopyInputs(PendingRequest request, int row)
    {
        for (var i = 0; i < request.Inputs.Length; i++)
        {
            var slot = _signature.Inputs[i];
            request.Inputs[i].Span.CopyTo(_context.InputBytes(slot.Name)[slot.OffsetOf(row)..]);
        }
    }

    private byte[][] CopyOutputs(PendingRequest request, int row)
    {
        var outputs = new byte[_signature.Outputs.Count][];
        for (var i = 0; i < outputs.Length; i++)
        {
            var slot = _signature.Outputs[i];
            var all = _context.OutputBytes(slot.Name);
            outputs[i] = (slot.IsStackedRows ? all.Slice(slot.OffsetOf(row), slot.BytesAt(request.Rows)) : all).ToArray();
        }
        return outputs;
    }
}
