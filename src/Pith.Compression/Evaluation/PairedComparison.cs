namespace Pith.Compression.Evaluation;

/// <summary>What a paired comparison says of the second model.</summary>
public enum PairedVerdict
{
    /// <summary>Both are right and wrong on the same images.</summary>
    Same,

    /// <summary>They differ, but models of equal accuracy would differ as much in at least 5% of such samples.</summary>
    WithinChance,

    /// <summary>The second is less accurate.</summary>
    Worse,

    /// <summary>The second is more accurate.</summary>
    Better,
}

/// <summary>
/// Two models judged on the same images: the difference of their accuracies with a paired 95% interval. Only images on which they differ carry information, so
/// the interval is much narrower than that of two separate accuracies.
/// </summary>
/// <param name="BothRight">Images that both get right.</param>
/// <param name="OnlyFirst">Images that only the first gets right.</param>
/// <param name="OnlySecond">Images that only the second gets right.</param>
/// <param name="BothWrong">Images that both get wrong.</param>
/// <param name="Agreements">Images for which both predict the same class, right or wrong.</param>
public sealed record PairedComparison(int BothRight, int OnlyFirst, int OnlySecond, int BothWrong, int Agreements)
{
    /// <summary>The number of images.</summary>
    public int Count => BothRight + OnlyFirst + OnlySecond + BothWrong;

    /// <summary>Accuracy of the second model minus accuracy of the first, from -1 to 1.</summary>
    public double Difference => Count == 0 ? 0 : (double)(OnlySecond - OnlyFirst) / Count;

    /// <summary>The share of images for which both predict the same class, from 0 to 1.</summary>
    public double AgreementRate => Count == 0 ? 1 : (double)Agreements / Count;

    /// <summary>
    /// The 95% interval of <see cref="Difference"/>: the adjusted Wald interval for paired proportions (D. G. Bonett and R. M. Price, "Adjusted Wald confidence interval for a
    /// difference of binomial proportions based on paired data", JEBS 37, 2012), which adds one image to each kind of disagreement and so has a width even when the models never differ.
    /// </summary>
    public ConfidenceInterval Interval
    {
        get
        {
            var n = Count + 2.0;
            double first = (OnlyFirst + 1) / n, second = (OnlySecond + 1) / n;
            var difference = second - first;
            var halfWidth = ConfidenceInterval.Z * Math.Sqrt(Math.Max(0, first + second - difference * difference) / n);
            return new(Math.Max(-1, difference - halfWidth), Math.Min(1, difference + halfWidth));
        }
    }

    /// <summary>
    /// The two-sided p-value of McNemar's exact test: the probability, were both models equally accurate, of disagreements at least this lopsided
    /// (binomial with probability 1/2). 1 when they never differ.
    /// </summary>
    public double McNemarPValue
    {
        get
        {
            int trials = OnlyFirst + OnlySecond, fewer = Math.Min(OnlyFirst, OnlySecond);
            // Terms C(n, k) / 2^n by their logarithms: 2^-n underflows for a few thousand disagreements.
            double logTerm = -trials * Math.Log(2), tail = 0;
            for (var k = 0; k <= fewer; k++)
            {
                tail += Math.Exp(logTerm);
                logTerm += Math.Log((double)(trials - k) / (k + 1));
            }
            return Math.Min(1, 2 * tail);
        }
    }

    /// <summary>The largest p-value of McNemar's test that counts as a difference.</summary>
    public const double Significance = 0.05;

    /// <summary>Whether the second model is better or worse than chance explains: <see cref="McNemarPValue"/> below <see cref="Significance"/>.</summary>
    public PairedVerdict Verdict =>
        OnlyFirst + OnlySecond == 0 ? PairedVerdict.Same
        : McNemarPValue >= Significance ? PairedVerdict.WithinChance
        : OnlySecond < OnlyFirst ? PairedVerdict.Worse : PairedVerdict.Better;

    /// <summary>Compares what two models did on the same images in the same order.</summary>
    /// <exception cref="PithException">The numbers of images differ.</exception>
    public static PairedComparison Of(TopKAccuracy first, TopKAccuracy second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.Count != second.Count) throw new PithException($"A paired comparison needs the same images twice, got {first.Count} and {second.Count}.");
        int bothRight = 0, onlyFirst = 0, onlySecond = 0, agreements = 0;
        for (var i = 0; i < first.Count; i++)
        {
            if (first.Correct[i] && second.Correct[i]) bothRight++;
            else if (first.Correct[i]) onlyFirst++;
            else if (second.Correct[i]) onlySecond++;
            if (first.Predictions[i] == second.Predictions[i]) agreements++;
        }
        return new(bothRight, onlyFirst, onlySecond, first.Count - bothRight - onlyFirst - onlySecond, agreements);
    }
}
