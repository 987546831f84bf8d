namespace Pith.Compression.Reconstruction;

/// <summary>What calibration images say about a layer: the error of any weights, on images that choices are made on and on others that judge them.</summary>
internal sealed class LayerEvidence
{
    /// <summary>Penalties on moving weights, in units of the mean energy of an input.</summary>
    public static readonly double[] Strengths = [1, 0.1, 0.01, 0.001];

    // Weights move only where that takes this much from the error on images held out: what moves by chance adds up over many layers.
    private const double WorthMoving = 0.98;

    private readonly LayerMoments[] _fit, _heldOut;
    private readonly bool _hasBias;
    private readonly int _threads;

    /// <param name="fit">Moments of each convolution group.</param>
    /// <param name="heldOut">Those of the images held out; without samples where there are few images.</param>
    /// <param name="hasBias">Whether the layer has a bias to choose.</param>
    /// <param name="threads">Threads; no result depends on it.</param>
    public LayerEvidence(LayerMoments[] fit, LayerMoments[] heldOut, bool hasBias, int threads)
    {
        (_fit, _heldOut, _hasBias, _threads) = (fit, heldOut, hasBias, threads);
        Chooses = Objectives(fit);
        Judges = heldOut[0].Count == 0 ? Chooses : Objectives(heldOut);
    }

    /// <summary>The errors to choose by, of each convolution group.</summary>
    public LayerObjective[] Chooses { get; }

    /// <summary>The energy of the results that the layer should give, around their means.</summary>
    public double Energy => Judges.Sum(judge => judge.Energies.Sum());

    /// <summary>What batch norm multiplies each output channel by; null when none follows.</summary>
    public IReadOnlyList<double>? Factors { get; init; }

    private LayerObjective[] Judges { get; }

    /// <summary>The errors of all images together.</summary>
    public LayerObjective[] All() => Objectives([.. _fit.Select((moments, group) =>
    {
        var all = new LayerMoments(moments.Rows, moments.Columns);
        all.Add(moments);
        all.Add(_heldOut[group]);
        return all;
    })]);

    /// <summary>The mean squared error on the images held out, with the biases that the others find best.</summary>
    /// <param name="weights">Of each group, row-major.</param>
    public double Judge(float[][] weights)
    {
        var (rows, columns) = (Chooses[0].Rows, Chooses[0].Columns);
        var errors = new double[Chooses.Length * rows];
        Parallel.For(0, errors.Length, new ParallelOptions { MaxDegreeOfParallelism = _threads }, i =>
        {
            var (group, row) = Math.DivRem(i, rows);
            var chosen = weights[group].AsSpan(row * columns, columns);
            errors[i] = Judges[group].ErrorOf(row, chosen, Chooses[group].BiasOf(row, chosen));
        });
        return errors.Sum();
    }

    /// <summary>The penalty on moving weights that leaves the smallest error on the images held out; infinite where weights had better stay.</summary>
    /// <param name="weights">The weights with a penalty, from <see cref="Chooses"/>; with an infinite one those that the layer has.</param>
    public double StrengthOf(Func<double, float[][]> weights)
    {
        var strength = double.PositiveInfinity;
        var smallest = Judge(weights(strength));
        foreach (var candidate in Strengths)
            if (Judge(weights(candidate)) is var error && error < smallest * WorthMoving) (strength, smallest) = (candidate, error);
        return strength;
    }

    private LayerObjective[] Objectives(LayerMoments[] moments) => Array.ConvertAll(moments, sums => new LayerObjective(sums, _hasBias));
}
