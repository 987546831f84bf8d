using Pith.Compression.Distribution;

namespace Pith.Compression.Evaluation;

/// <summary>
/// Counts how often the true class is among the 1 and the 5 best logits. Of equal logits the lower index ranks first, so an output that is constant is no
/// better than a guess of class 0; a NaN ranks before every number, and a true class whose logit is NaN is wrong.
/// Keeps which images were right, for paired comparisons. Not thread-safe.
/// </summary>
public sealed class TopKAccuracy
{
    private readonly List<Outcome> _outcomes = [];
    private readonly List<bool> _correct = [];
    private readonly List<int> _predictions = [];

    /// <summary>The number of images.</summary>
    public int Count => _correct.Count;

    /// <summary>Images whose best logit is the true class.</summary>
    public int Top1Correct { get; private set; }

    /// <summary>Images whose true class is among the five best logits.</summary>
    public int Top5Correct { get; private set; }

    /// <summary>Top-1 accuracy, from 0 to 1; NaN without images.</summary>
    public double Top1 => (double)Top1Correct / Count;

    /// <summary>Top-5 accuracy, from 0 to 1; NaN without images.</summary>
    public double Top5 => (double)Top5Correct / Count;

    /// <summary>Images with at least one output that is NaN or infinite.</summary>
    public int NonFinite { get; private set; }

    /// <summary>Images all of whose outputs are NaN or infinite: nothing was predicted for them.</summary>
    public int WhollyNonFinite { get; private set; }

    /// <summary>Whether each image was right at top-1, in the order in which images were added.</summary>
    public IReadOnlyList<bool> Correct => _correct;

    /// <summary>The best class of each image, in the order in which images were added.</summary>
    public IReadOnlyList<int> Predictions => _predictions;

    /// <summary>Counts one image.</summary>
    /// <param name="logits">One value per class.</param>
    /// <param name="label">The true class.</param>
    /// <exception cref="PithException">The label is not the index of a logit.</exception>
    public void Add(ReadOnlySpan<float> logits, int label)
    {
        if ((uint)label >= (uint)logits.Length) throw new PithException($"Image {Count} has the label {label}, but the model has {logits.Length} outputs (0 to {logits.Length - 1}). Do data set and model belong together?");
        var finite = 0;
        foreach (var logit in logits)
            if (float.IsFinite(logit)) finite++;
        Add(new Outcome(ArgMax(logits), RankOf(logits, label), finite < logits.Length, finite == 0));
    }

    /// <summary>Makes the counts those of all ranks; collective. Rank r of R has added every R-th image of the whole set, from image r on.</summary>
    /// <param name="group">The ranks.</param>
    /// <param name="images">The images of the whole set.</param>
    /// <returns>The counts of the whole set, in its order; this one is not changed.</returns>
    internal TopKAccuracy Over(ProcessGroup group, int images)
    {
        var own = new long[(images + group.Size - 1) / group.Size];
        for (var i = 0; i < Count; i++) own[i] = _outcomes[i].ToNumber();
        var numbers = group.GatherNumbers(own);
        var all = new TopKAccuracy();
        for (var image = 0; image < images; image++) all.Add(Outcome.Of(numbers[image % group.Size * own.Length + image / group.Size]));
        return all;
    }

    private void Add(Outcome outcome)
    {
        _outcomes.Add(outcome);
        _correct.Add(outcome.Rank == 0);
        _predictions.Add(outcome.Prediction);
        if (outcome.Rank == 0) Top1Correct++;
        if (outcome.Rank < 5) Top5Correct++;
        if (outcome.IsNonFinite) NonFinite++;
        if (outcome.IsWhollyNonFinite) WhollyNonFinite++;
    }

    /// <summary>The index of the largest value; the lower one of equals; the first NaN if there is one.</summary>
    /// <param name="logits">At least one value.</param>
    public static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 0; i < logits.Length; i++)
        {
            if (float.IsNaN(logits[i])) return i;
            if (logits[i] > logits[best]) best = i;
        }
        return best;
    }

    /// <summary>How many classes come before <paramref name="label"/>: 0 for the best.</summary>
    private static int RankOf(ReadOnlySpan<float> logits, int label)
    {
        var own = logits[label];
        if (float.IsNaN(own)) return int.MaxValue;
        var rank = 0;
        for (var i = 0; i < logits.Length; i++)
            if (!(logits[i] <= own) || (logits[i] == own && i < label)) rank++;
        return rank;
    }

    /// <summary>What counts of one image.</summary>
    private readonly record struct Outcome(int Prediction, int Rank, bool IsNonFinite, bool IsWhollyNonFinite)
    {
        public long ToNumber() => ((long)Rank << 32) | ((long)Prediction << 2) | (IsNonFinite ? 2L : 0) | (IsWhollyNonFinite ? 1L : 0);

        public static Outcome Of(long number) => new((int)((uint)number >> 2), (int)(number >> 32), (number & 2) != 0, (number & 1) != 0);
    }
}
