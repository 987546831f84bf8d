namespace Pith.Compression.Data;

/// <summary>
/// Samples ready for a network. Owned by the <see cref="BatchLoader"/> that made it: valid until the next batch is asked for, then its
/// arrays are filled again. The arrays always have room for a full batch; the last batch of an epoch may use less.
/// </summary>
public sealed class Batch
{
    internal Batch(int capacity, ImageShape shape)
    {
        Shape = shape;
        Images = new float[checked(capacity * shape.Elements)];
        Labels = new int[capacity];
        Indices = new int[capacity];
        PartnerLabels = new int[capacity];
    }

    /// <summary>Channels, height and width of each sample.</summary>
    public ImageShape Shape { get; }

    /// <summary>Samples in use, from 1 to the batch size; 0 is possible where processes share a short last batch.</summary>
    public int Count { get; internal set; }

    /// <summary>[N, C, H, W]; the first <see cref="Count"/> samples count.</summary>
    public float[] Images { get; }

    /// <summary>The class of each sample.</summary>
    public int[] Labels { get; }

    /// <summary>The position of each sample in the loader's dataset.</summary>
    public int[] Indices { get; }

    /// <summary>The samples in use, [Count, C, H, W].</summary>
    public Span<float> ImagesInUse => Images.AsSpan(0, Count * Shape.Elements);

    /// <summary>The classes in use.</summary>
    public ReadOnlySpan<int> LabelsInUse => Labels.AsSpan(0, Count);

    /// <summary>The share that <see cref="Labels"/> have in the samples; below 1 in a batch that mixup or cutmix made.</summary>
    internal float OwnShare { get; set; } = 1;

    /// <summary>The classes of what was mixed into the samples, which have the rest.</summary>
    internal int[] PartnerLabels { get; }

    /// <summary>Writes soft labels, the probability of each class, which add up to 1 for each sample.</summary>
    /// <param name="targets">Receives [Count, <paramref name="classes"/>].</param>
    /// <param name="classes">How many there are.</param>
    /// <exception cref="PithException">A label is not a class.</exception>
    public void WriteTargets(Span<float> targets, int classes)
    {
        targets[..(Count * classes)].Clear();
        for (var i = 0; i < Count; i++)
        {
            var row = targets.Slice(i * classes, classes);
            row[Class(i, Labels[i])] += OwnShare;
            row[Class(i, PartnerLabels[i])] += 1 - OwnShare;
        }

        int Class(int sample, int label) => (uint)label < (uint)classes ? label : throw new PithException($"Label {label} of image {sample} is outside the {classes} classes (0 to {classes - 1}).");
    }

    internal Span<float> Image(int sample) => Images.AsSpan(sample * Shape.Elements, Shape.Elements);
}
