using Pith.Compression.Data;

namespace Pith.Compression.Quantization;

/// <summary>One thread of a calibration run: an engine context and the statistics of what it has run.</summary>
internal sealed class CalibrationWorker : IValueObserver, IDisposable
{
    private readonly EngineContext _context;
    private readonly INetworkInputs _input;
    private readonly CalibrationQueue _queue;
    private CalibrationSlice _slice;

    public CalibrationWorker(Engine engine, INetworkInputs input, IEnumerable<string> tensors, CalibrationQueue queue)
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
                _context.Run(_input.FixedBatch ?? slice.Samples);
            }
        }
        catch (Exception failure)
        {
            _queue.Fail(_slice.Batch, failure);
        }
    }

    public void Observe(in ObservedValue value) => Statistics.Add(value.Name, ElementsOfImages(value), _slice.IsFirstHalf, _slice.Batch);

    /// <summary>The elements that belong to the images of the slice. A network with a fixed batch always runs the whole batch; what follows the last image is left from an earlier run and must not be counted again.</summary>
    private ReadOnlySpan<float> ElementsOfImages(in ObservedValue value)
    {
        if (_input.FixedBatch is not { } batch || batch == _slice.Samples) return value.Elements;
        if (value.Shape.Rank == 0 || value.Shape[0] != batch)
            throw new PithException($"The network's batch is fixed to {batch} and its tensor '{value.Name}' {value.Shape} does not have the batch as its first dimension, so the results of {_slice.Samples} images cannot be separated from the rest. Calibrate with a multiple of {2 * batch} samples, or export the network with an open batch.");
        return value.Elements[..(value.Elements.Length / batch * _slice.Samples)];
    }

    public void Dispose() => _context.Dispose();
}
