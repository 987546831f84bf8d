namespace Pith.Runtime;

/// <summary>Makes the statistics of batch norm those of a batch of which this run has one of several equal parts. Called on the thread that runs the context, in the order of the layers.</summary>
internal interface IStatisticsExchange
{
    /// <summary>Replaces what was measured on this part by the mean and the biased variance of the whole batch, before anything is normalized with them.</summary>
    /// <param name="mean">Of each channel [C].</param>
    /// <param name="variance">Of each channel [C], biased.</param>
    void CombineMoments(Span<float> mean, Span<float> variance);

    /// <summary>Replaces the gradients of gamma and beta by their means over all parts, before the gradient of the data is computed from them.</summary>
    /// <param name="gamma">Sums over this part [C].</param>
    /// <param name="beta">Sums over this part [C].</param>
    void AverageGradients(Span<float> gamma, Span<float> beta);
}
