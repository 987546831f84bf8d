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

    internal Span<float> Image(int sample) => Images.AsSpan(sample * Shape.Elements, Shape.Elements);
}
