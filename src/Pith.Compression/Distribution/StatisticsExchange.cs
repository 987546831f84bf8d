using System.Diagnostics;
using Pith.Runtime;

namespace Pith.Compression.Distribution;

/// <summary>
/// Batch norm over the batch of all ranks: combines mean and variance in the forward pass, and the two sums per channel that the gradient needs in the backward pass. All in double precision, in the order of ranks.
/// The mean of a rank's gradients of gamma and beta over all ranks is what <see cref="GradientExchange"/> makes of them as well, so they may be averaged twice.
/// </summary>
internal sealed class StatisticsExchange(ProcessGroup group, CollectiveThread collectives) : IStatisticsExchange, IDisposable
{
    private readonly SemaphoreSlim _done = new(0);
    private double[] _terms = [];

    /// <summary>Seconds in which layers waited for other ranks.</summary>
    public double WaitSeconds { get; private set; }

    /// <inheritdoc/>
    public void CombineMoments(Span<float> mean, Span<float> variance)
    {
        var terms = Terms(2 * mean.Length);
        ChannelMoments.Write(mean, variance, terms.Span);
        Sum(terms);
        ChannelMoments.Combine(terms.Span, group.Size, mean, variance);
    }

    /// <inheritdoc/>
    public void AverageGradients(Span<float> gamma, Span<float> beta)
    {
        var terms = Terms(2 * gamma.Length);
        var sums = terms.Span;
        for (var c = 0; c < gamma.Length; c++) (sums[2 * c], sums[2 * c + 1]) = (gamma[c], beta[c]);
        Sum(terms);
        for (var c = 0; c < gamma.Length; c++) (gamma[c], beta[c]) = ((float)(sums[2 * c] / group.Size), (float)(sums[2 * c + 1] / group.Size));
    }

    /// <summary>Frees what it waits with. A step must not be running.</summary>
    public void Dispose() => _done.Dispose();

    private Memory<double> Terms(int length)
    {
        if (_terms.Length < length) _terms = new double[length];
        return _terms.AsMemory(0, length);
    }

    private void Sum(Memory<double> terms)
    {
        var clock = Stopwatch.StartNew();
        collectives.Post(() => group.Sum(terms.Span), _done);
        collectives.Await(_done);
        WaitSeconds += clock.Elapsed.TotalSeconds;
    }
}
