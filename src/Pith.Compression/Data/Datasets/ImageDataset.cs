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

    /// <summary>The label of a sample that has none.</summary>
    public const int NoLabel = -1;

    /// <summary>The name of each class of the network, by label; empty when the samples have no labels.</summary>
    public abstract IReadOnlyList<string> ClassNames { get; }

    /// <summary>The common shape of all samples before preprocessing, or null when they differ.</summary>
    public abstract ImageShape? Shape { get; }

    /// <summary>The preprocessing that networks for this kind of data usually take; used for models that declare none.</summary>
    public abstract Preprocessing DefaultPreprocessing { get; }

    /// <summary>Whether samples have a class; images without one serve for calibration.</summary>
    public bool HasLabels => ClassNames.Count > 0;

    /// <summary>Whether classes are numbered by the order of their names alone, so that they belong to a network only when it has exactly as many.</summary>
    public virtual bool IsNumberedByName => false;

    /// <summary>The class of a sample, <see cref="NoLabel"/> when it has none, without reading its pixels.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public abstract int Label(int index);

    /// <summary>Reads a sample.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="PithException">The sample's file is damaged or gone.</exception>
    public abstract Sample Load(int index);

    /// <summary>Reads a sample, at less than its full size where that saves time.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="reduction">Told the image's full width and height, says by what it may be divided; see <see cref="ImageDecodingOptions.Reduction"/>. Not asked where nothing would be saved.</param>
    internal virtual Sample Load(int index, Func<int, int, int> reduction) => Load(index);

    /// <summary>Identifies a sample by its content.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="whole">Whether the whole sample is read; otherwise different images that start with the same bytes may have the same key.</param>
    internal virtual ContentKey Content(int index, bool whole)
    {
        var sample = Load(index);
        return ContentKey.Of(sample.Image is { } image ? image.Pixels.Span : System.Runtime.InteropServices.MemoryMarshal.AsBytes(sample.Values.Span));
    }
}
