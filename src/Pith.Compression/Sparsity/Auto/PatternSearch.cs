namespace Pith.Compression.Sparsity;

/// <summary>A weight with a pattern, or dense.</summary>
/// <param name="Pattern"><c>2:4</c>, <c>16:2:4</c> …, or <c>dense</c>.</param>
/// <param name="Microseconds">Time of its layers in the network.</param>
/// <param name="KeptMagnitude">The share of the sum of |w| that is left, 0 to 1.</param>
public sealed record PatternOption(string Pattern, double Microseconds, double KeptMagnitude);

/// <summary>
/// Chooses an option for each weight so that a network reaches a speed with the least magnitude lost, or is as fast as it gets with a given share kept. All weights start dense; then the step with the largest gain of time
/// for the magnitude that it loses is taken, again and again (the greedy solution of the multiple-choice knapsack problem), and what was not needed in the end is taken back. The same numbers give the same choice.
/// </summary>
internal sealed class PatternSearch
{
    private readonly double _networkMicroseconds;
    private readonly double _allMagnitude;
    private readonly double _leastKept;
    private readonly double[] _magnitudes;
    private readonly IReadOnlyList<PatternOption>[] _options;
    private readonly PatternOption[] _chosen;

    /// <param name="networkMicroseconds">Time of the dense network.</param>
    /// <param name="weights">The sum of |w| of each weight, and its options: the first is the dense one.</param>
    /// <param name="leastKept">The share of all magnitudes together that has to be kept; 0 for any.</param>
    public PatternSearch(double networkMicroseconds, IReadOnlyList<(double Magnitude, IReadOnlyList<PatternOption> Options)> weights, double leastKept)
    {
        (_networkMicroseconds, _leastKept) = (networkMicroseconds, leastKept);
        _magnitudes = [.. weights.Select(weight => weight.Magnitude)];
        _options = [.. weights.Select(weight => weight.Options)];
        _chosen = [.. _options.Select(options => options[0])];
        _allMagnitude = _magnitudes.Sum();
    }

    /// <summary>The option of each weight.</summary>
    public IReadOnlyList<PatternOption> Chosen => _chosen;

    /// <summary>How many times as fast as the dense network the chosen one should be: the sum of its layers.</summary>
    public double Speedup => SpeedupWith(0);

    /// <summary>The share of all magnitudes together that the choice keeps.</summary>
    public double Kept => KeptWith(0);

    /// <summary>Chooses until the network is <paramref name="target"/> times as fast as the dense one, or nothing is left to gain.</summary>
    public void Reach(double target)
    {
        var refused = new bool[_options.Length];
        while (Speedup < target)
        {
            // The largest gain for the magnitude that it loses; of equal ones the largest gain, then the first weight. A step that would keep too little ends its weight's steps: the next one would keep still less.
            var step = Moves().Where(move => !refused[move.Weight] && move.Gain > 0 && move.Loss >= 0).OrderByDescending(move => move.Gain / Math.Max(move.Loss, double.Epsilon)).ThenByDescending(move => move.Gain).FirstOrDefault();
            if (step is null) break;
            if (KeptWith(step.Loss) < _leastKept) refused[step.Weight] = true;
            else Take(step);
        }
        if (Speedup < target) Fill();
        else TakeBack(target);
    }

    // Single options that still fit below the magnitude that may be lost.
    private void Fill()
    {
        while (Moves().Where(move => move.Gain > 0 && KeptWith(move.Loss) >= _leastKept).MaxBy(move => move.Gain) is { } move) Take(move);
    }

    private void TakeBack(double target)
    {
        while (Moves().Where(move => move.Loss < 0 && SpeedupWith(move.Gain) >= target).MinBy(move => move.Loss) is { } move) Take(move);
    }

    private void Take(Move move) => _chosen[move.Weight] = move.Option;

    private IEnumerable<Move> Moves() =>
        from weight in Enumerable.Range(0, _options.Length)
        from option in _options[weight]
        let now = _chosen[weight]
        where option != now
        select new Move(weight, option, now.Microseconds - option.Microseconds, _magnitudes[weight] * (now.KeptMagnitude - option.KeptMagnitude));

    private double SpeedupWith(double gain) => _networkMicroseconds / (_networkMicroseconds - gain - _chosen.Select((option, i) => _options[i][0].Microseconds - option.Microseconds).Sum());

    private double KeptWith(double loss) => _allMagnitude == 0 ? 1 : (_chosen.Select((option, i) => option.KeptMagnitude * _magnitudes[i]).Sum() - loss) / _allMagnitude;

    /// <summary>Another option for a weight.</summary>
    /// <param name="Weight">Which.</param>
    /// <param name="Option">The option.</param>
    /// <param name="Gain">Microseconds that it saves; negative when it costs some.</param>
    /// <param name="Loss">Magnitude that it loses; negative when it keeps more.</param>
    private sealed record Move(int Weight, PatternOption Option, double Gain, double Loss);
}
