using Pith.Training;

namespace Pith.Compression.Training;

/// <summary>The running mean and variance of one batch norm while it is trained.</summary>
internal sealed class RunningStatistics
{
    private readonly string _batchMean;
    private readonly string _batchVariance;
    private readonly float _keep;
    private readonly float _unbias;

    /// <param name="declared">The batch norm.</param>
    /// <param name="batch">Images of one step.</param>
    public RunningStatistics(BatchNormStatistics declared, int batch)
    {
        (MeanName, VarianceName) = (declared.MeanName, declared.VarianceName);
        (_batchMean, _batchVariance, _keep) = (declared.BatchMean.Name, declared.BatchVariance.Name, declared.Momentum);
        (Mean, Variance) = (declared.InitialMean.Data.ToArray(), declared.InitialVariance.Data.ToArray());
        // x is [N, C, H, W]: each channel's statistics are over N*H*W values. The running variance is the unbiased one, as in PyTorch.
        var x = declared.BatchMean.Producer!.Inputs[0]!.Type;
        var count = x.Dims.Skip(2).Aggregate((double)batch, (product, dim) => product * dim.Size);
        if (count < 2) throw new PithException($"The batch norm of '{MeanName}' sees one value of each channel in a batch of {batch}, which has no variance. Train with a larger 'batch_size' (export the network with an open batch if its file fixes it), or with 'freeze_norm_after' 0.");
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
        for (var c = 0; c < Mean.Length; c++)
        {
            Mean[c] = _keep * Mean[c] + (1 - _keep) * mean[c];
            Variance[c] = _keep * Variance[c] + (1 - _keep) * _unbias * variance[c];
        }
    }
}
