using Pith.Compression.Data;

namespace Pith.Compression;

/// <summary>One thread of a calibration run: an engine context and the statistics of what it has run.</summary>
internal sealed class CalibrationWorker : IValueObserver, IDisposable
{
    private readonly ExecutionContext _context;
    private readonly ImageInput _input;
    private readonly CalibrationQueue _queue;
    private CalibrationSlice _slice;

    public CalibrationWorker(Engine engine, ImageInput input, IEnumerable<string> tensors, CalibrationQueue queue)
    {
        (_input, _queue) = (input, queue);
        Statistics = new ActivationStatistics(tensors);
        _context = engine.CreateContext();
        _context.Observer = this;
    }

    public ActivationStatistics Statistics { get; }

    /// <summary>Runs slices until there are none left; failures go to the queue.</summary>
    public void Run()
    {
        try
        {
            while (_queue.Take(_input, _context) is { } slice)
            {
                _slice = slice;
                _context.Run(slice.Samples);
            }
        }
        catch (Exception failure)
        {
            _queue.Fail(_slice.Batch, failure);
        }
    }

    public void Observe(in ObservedValue value) => Statistics.Add(value.Name, value.Elements, _slice.IsFirstHalf, _slice.Batch);

    public void Dispose() => _context.Dispose();
}
