using Pith.Compression.Distribution;
using Pith.Training;

namespace Pith.Compression.Training;

/// <summary>The running mean and variance of one batch norm while it is trained.</summary>
internal sealed class RunningStatistics
{
    private readonly string _batchMean;
    private readonly string _batchVariance;
    private readonly float _keep;
    private readonly float _unbias;
    private readonly float[] _mean;
    private readonly float[] _variance;

    /// <param name="declared">The batch norm.</param>
    /// <param name="batch">Images of one step in this process.</param>
    /// <param name="ranks">Processes that have as many each.</param>
    /// <param name="isShared">Whether the processes normalize with the statistics of all.</param>
    public RunningStatistics(BatchNormStatistics declared, int batch, int ranks, bool isShared)
    {
        (MeanName, VarianceName) = (declared.MeanName, declared.VarianceName);
        (_batchMean, _batchVariance, _keep) = (declared.BatchMean.Name, declared.BatchVariance.Name, declared.Momentum);
        (Mean, Variance) = (declared.InitialMean.Data.ToArray(), declared.InitialVariance.Data.ToArray());
        (_mean, _variance) = (new float[Mean.Length], new float[Mean.Length]);
        // x is [N, C, H, W]: each channel's statistics are over N*H*W values. The running variance is the unbiased one, as in PyTorch.
        var x = declared.BatchMean.Producer!.Inputs[0]!.Type;
        var count = x.Dims.Skip(2).Aggregate((double)batch, (product, dim) => product * dim.Size);
        if (count * (isShared ? ranks : 1) < 2) throw new PithException($"The batch norm of '{MeanName}' sees one value of each channel in a batch of {batch}, which has no variance{(ranks > 1 ? $" ({ranks} ranks have as many each and normalize by themselves without 'sync_norm')" : "")}. Train with a larger 'batch_size' (export the network with an open batch if its file fixes it), or with 'freeze_norm_after' 0.");
        count *= ranks;
        _unbias = (float)(count / (count - 1));
    }

    public string MeanName { get; }

    public string VarianceName { get; }

    public float[] Mean { get; }

    public float[] Variance { get; }

    /// <summary>Moves both towards those of the batch that was just run.</summary>
    public void Update(EngineContext context)
    {
        var mean = context.Output<float>(_batchMean);
        var variance = context.Output<float>(_batchVariance);
        for (var c = 0; c < Mean.Length; c++) Move(c, mean[c], variance[c]);
    }

    /// <summary>Numbers that the ranks add up: of each channel the mean and the mean square.</summary>
    public int SumLength => 2 * Mean.Length;

    /// <summary>Writes this rank's terms for the batch that was just run.</summary>
    public void WriteTerms(EngineContext context, Span<double> terms) => ChannelMoments.Write(context.Output<float>(_batchMean), context.Output<float>(_batchVariance), terms);

    /// <summary>Moves both towards those of the whole batch, of which each rank has run an equal part.</summary>
    /// <param name="sums">The terms of all ranks added up.</param>
    /// <param name="ranks">How many there are.</param>
    public void Update(ReadOnlySpan<double> sums, int ranks)
    {
        ChannelMoments.Combine(sums, ranks, _mean, _variance);
        for (var c = 0; c < Mean.Length; c++) Move(c, _mean[c], _variance[c]);
    }

    private void Move(int channel, float mean, float variance)
    {
        Mean[channel] = _keep * Mean[channel] + (1 - _keep) * mean;
        Variance[channel] = _keep * Variance[channel] + (1 - _keep) * _unbias * variance;
    }
}
