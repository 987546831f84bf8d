namespace Pith.Compression.Data;

/// <summary>
/// The positions of a dataset dealt to four purposes that never overlap: training, calibration (taken out of what would be training
/// data), validation (choosing between models) and test. The same arguments always give the same split. Immutable.
/// </summary>
public sealed class DataSplit
{
    /// <summary>Calibration samples unless the caller says otherwise.</summary>
    public const int DefaultCalibration = 512;

    private DataSplit(int[] shuffled, int test, int validation, int calibration)
    {
        Test = shuffled[..test];
        Validation = shuffled[test..(test + validation)];
        Calibration = shuffled[(test + validation)..(test + validation + calibration)];
        Train = shuffled[(test + validation + calibration)..];
    }

    /// <summary>Everything that no other part took, shuffled.</summary>
    public IReadOnlyList<int> Train { get; }

    /// <summary>For calibrators: shuffled, exactly as many as asked for.</summary>
    public IReadOnlyList<int> Calibration { get; }

    /// <summary>For choosing between models and settings.</summary>
    public IReadOnlyList<int> Validation { get; }

    /// <summary>For the number that is reported.</summary>
    public IReadOnlyList<int> Test { get; }

    /// <summary>Deals positions 0 to <paramref name="count"/> - 1.</summary>
    /// <param name="count">Samples of the dataset.</param>
    /// <param name="seed">Decides who goes where.</param>
    /// <param name="test">Test samples; 0 when the test set is a dataset of its own.</param>
    /// <param name="validation">Validation samples.</param>
    /// <param name="calibration">Calibration samples.</param>
    /// <exception cref="PithException">There are not enough samples to leave at least one for training.</exception>
    public static DataSplit Create(int count, int seed, int test, int validation, int calibration = DefaultCalibration)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(test);
        ArgumentOutOfRangeException.ThrowIfNegative(validation);
        ArgumentOutOfRangeException.ThrowIfNegative(calibration);
        if ((long)test + validation + calibration >= count)
            throw new PithException($"{count} samples cannot be split into {test} for test, {validation} for validation, {calibration} for calibration and some for training. Use more data or smaller parts.");
        return new DataSplit(Shuffled(count, seed), test, validation, calibration);
    }

    /// <summary>Draws exactly <paramref name="samples"/> different positions at random, for calibration on a dataset that is training data as a whole.</summary>
    /// <exception cref="PithException">The dataset has fewer.</exception>
    public static IReadOnlyList<int> Draw(ImageDataset dataset, int samples, int seed)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(samples);
        return samples <= dataset.Count ? Shuffled(dataset.Count, seed)[..samples]
            : throw new PithException($"Dataset '{dataset.Name}' has {dataset.Count} samples, {samples} were asked for. Ask for fewer or use more data.");
    }

    private static int[] Shuffled(int count, int seed)
    {
        var indices = Enumerable.Range(0, count).ToArray();
        new SeededRandom(seed).Shuffle(indices);
        return indices;
    }
}
