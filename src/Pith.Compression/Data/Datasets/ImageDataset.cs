namespace Pith.Compression.Data;

/// <summary>
/// A fixed, indexed collection of labelled images. Every implementation is immutable after opening and safe to read from many threads.
/// </summary>
public abstract class ImageDataset
{
    /// <summary>How messages and reports call it: the specification that opened it.</summary>
    public abstract string Name { get; }

    /// <summary>Number of samples.</summary>
    public abstract int Count { get; }

    /// <summary>The name of each class of the network, by label.</summary>
    public abstract IReadOnlyList<string> ClassNames { get; }

    /// <summary>The common shape of all samples before preprocessing, or null when they differ.</summary>
    public abstract ImageShape? Shape { get; }

    /// <summary>The preprocessing that networks for this kind of data usually take; used for models that declare none.</summary>
    public abstract Preprocessing DefaultPreprocessing { get; }

    /// <summary>The class of a sample, without reading its pixels.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public abstract int Label(int index);

    /// <summary>Reads a sample.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="PithException">The sample's file is damaged or gone.</exception>
    public abstract Sample Load(int index);
}
