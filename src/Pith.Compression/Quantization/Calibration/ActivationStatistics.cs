using Pith.Compression.Distribution;

namespace Pith.Compression.Quantization;

/// <summary>
/// One histogram per tensor over a calibration set, the first half of the samples apart, so that it can be seen whether scales still move. Independent of batch
/// size, order within each half, and threads: several instances filled at the same time add up with <see cref="Merge"/>. One instance belongs to one thread at a time.
/// </summary>
public sealed class ActivationStatistics
{
    private readonly Dictionary<string, (Histogram FirstHalf, Histogram SecondHalf)> _halves = new(StringComparer.Ordinal);

    /// <summary>Empty statistics of <paramref name="tensors"/>.</summary>
    public ActivationStatistics(IEnumerable<string> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        foreach (var tensor in tensors) _halves.TryAdd(tensor, (new Histogram(tensor), new Histogram(tensor)));
    }

    /// <summary>The number of different classes among the samples, as far as they have labels.</summary>
    public int ClassesSeen { get; internal set; }

    /// <summary>The names of the tensors.</summary>
    public IReadOnlyCollection<string> Tensors => _halves.Keys;

    /// <summary>The values of <paramref name="tensor"/> over all samples; a new histogram.</summary>
    /// <exception cref="PithException">The tensor was not observed.</exception>
    public Histogram All(string tensor)
    {
        var all = FirstHalf(tensor);
        all.Merge(_halves[tensor].SecondHalf);
        return all;
    }

    /// <summary>The values of <paramref name="tensor"/> over the first half of the samples; a new histogram.</summary>
    /// <exception cref="PithException">The tensor was not observed.</exception>
    public Histogram FirstHalf(string tensor) => Halves(tensor).FirstHalf.Snapshot();

    /// <summary>Counts values of a tensor.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="values">Elements in any order.</param>
    /// <param name="isFirstHalf">Which half of the samples they come from.</param>
    /// <param name="batch">The index of the batch, for error messages.</param>
    /// <exception cref="PithException">A value is not finite, or the tensor is not one of those declared.</exception>
    public void Add(string tensor, ReadOnlySpan<float> values, bool isFirstHalf, int batch)
    {
        var (first, second) = Halves(tensor);
        (isFirstHalf ? first : second).Add(values, batch);
    }

    /// <summary>Adds what <paramref name="other"/> has counted of the same tensors.</summary>
    public void Merge(ActivationStatistics other)
    {
        ArgumentNullException.ThrowIfNull(other);
        foreach (var (tensor, (first, second)) in _halves)
        {
            first.Merge(other.Halves(tensor).FirstHalf);
            second.Merge(other.Halves(tensor).SecondHalf);
        }
    }

    /// <summary>Adds what all ranks have counted of the same tensors, so that each has everything; collective.</summary>
    internal void MergeOver(ProcessGroup group)
    {
        if (group.Size == 1) return;
        var own = new long[2 * Histogram.NumberCount];
        foreach (var (tensor, (first, second)) in _halves)
        {
            first.Write(own);
            second.Write(own.AsSpan(Histogram.NumberCount));
            var all = group.GatherNumbers(own);
            for (var rank = 0; rank < group.Size; rank++)
            {
                if (rank == group.Rank) continue;
                var numbers = all.AsSpan(rank * own.Length, own.Length);
                first.Merge(Histogram.Read(tensor, numbers));
                second.Merge(Histogram.Read(tensor, numbers[Histogram.NumberCount..]));
            }
        }
    }

    private (Histogram FirstHalf, Histogram SecondHalf) Halves(string tensor) =>
        _halves.TryGetValue(tensor, out var halves) ? halves : throw new PithException($"Tensor '{tensor}' was not observed during calibration; observed were {_halves.Count} others. Calibrate with the placement of this graph.");
}
