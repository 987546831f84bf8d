using Pith.Compression.Data;
using Pith.Compression.Distribution;

namespace Pith.Compression.Quantization;

/// <summary>What one run of a context gets: some samples of one half of the calibration set.</summary>
internal readonly record struct CalibrationSlice(int Samples, bool IsFirstHalf, int Batch);

/// <summary>Hands the calibration set to several threads, one slice at a time; a slice never crosses the middle of the set. Ranks take slices in turn, of the same cut. Also collects their first failure.</summary>
internal sealed class CalibrationQueue : IDisposable
{
    private readonly Lock _gate = new();
    private readonly IEnumerator<Batch> _batches;
    private readonly int _samples;
    private readonly ProcessGroup _group;
    private readonly IProgress<PithEvent>? _events;
    private readonly HashSet<int> _classes = [];
    private Batch? _current;
    private int _used, _taken, _slices;
    private (int Batch, Exception Failure)? _failure;

    public CalibrationQueue(CalibrationData data, IProgress<PithEvent>? events) =>
        (_batches, _samples, _group, _events) = (data.Batches.GetEnumerator(), data.Samples, data.Group, events);

    /// <summary>The number of different labels of the samples, those of other ranks included.</summary>
    public int ClassesSeen => _classes.Count;

    /// <summary>Writes the next samples into <paramref name="input"/> of <paramref name="context"/>. Null when all have been taken or another thread has failed.</summary>
    /// <exception cref="PithException">The data ends too early or does not fit.</exception>
    public CalibrationSlice? Take(INetworkInputs input, EngineContext context)
    {
        lock (_gate)
        {
            while (_taken < _samples && _failure is null)
            {
                if (_current is null || _used == _current.Count)
                {
                    if (!_batches.MoveNext()) throw new PithException($"Calibration asked for {_samples} samples, the data has {_taken}. Ask for at most that many.");
                    (_current, _used) = (_batches.Current, 0);
                }
                var half = (_samples + 1) / 2;
                var isFirstHalf = _taken < half;
                var (start, count) = (_used, Math.Min(Math.Min(_current.Count - _used, (isFirstHalf ? half : _samples) - _taken), input.FixedBatch ?? int.MaxValue));
                if (_current.Shape != input.Shape) throw new PithException($"The network takes {input.Shape}, the calibration data gives {_current.Shape}.");
                foreach (var label in _current.LabelsInUse.Slice(start, count)) _classes.Add(label);
                _used += count;
                _taken += count;
                _events?.Report(new ProgressMade("calibrate", _taken, _samples));
                var slice = new CalibrationSlice(count, isFirstHalf, _slices++);
                // The others run on other ranks.
                if (slice.Batch % _group.Size != _group.Rank) continue;
                var size = _current.Shape.Elements;
                input.Write(_current.ImagesInUse.Slice(start * size, count * size), context);
                return slice;
            }
            return null;
        }
    }

    /// <summary>Stops everybody. Of several failures the one of the earliest slice counts.</summary>
    public void Fail(int batch, Exception failure)
    {
        lock (_gate)
            if (_failure is null || batch < _failure.Value.Batch) _failure = (batch, failure);
    }

    /// <exception cref="PithException">A thread has failed.</exception>
    public void ThrowIfFailed()
    {
        if (_failure is { Failure: var failure }) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    public void Dispose() => _batches.Dispose();
}
