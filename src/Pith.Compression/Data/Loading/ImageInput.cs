using System.Runtime.InteropServices;

namespace Pith.Compression.Data;

/// <summary>
/// The one input of a network that takes images: floats of any width that preprocessing has made of them, or the 8-bit samples themselves, which the network normalises; [N, C, H, W] or [N, H, W, C]. Batches are [N, C, H, W] of
/// floats always; what is written into the network is what it takes.
/// </summary>
/// <param name="Name">The input's name.</param>
/// <param name="Type">Its type.</param>
internal sealed record ImageInput(string Name, TensorType Type) : INetworkInputs
{
    /// <summary>The only input of a graph.</summary>
    /// <exception cref="PithException">There are none or several.</exception>
    public static ImageInput Of(Graph graph) =>
        graph.Inputs is [var input] ? new ImageInput(input.Name, input.Type) : throw new PithException($"Images are fed into one input; network '{graph.Name}' has {graph.Inputs.Count} inputs.");

    /// <summary>Whether an input is one of images, whose sizes may be open.</summary>
    public static bool Is(TensorType type) => type.Rank == 4 && (type.DataType.IsFloat() || type.DataType == DataType.UInt8);

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, TensorType Type)> Inputs => [(Name, Type)];

    /// <summary>Whether the network takes 8-bit samples.</summary>
    public bool TakesBytes => Type.DataType == DataType.UInt8;

    /// <summary>Whether the channels of a pixel lie together: the last axis has as many as images have, the second has not.</summary>
    public bool IsInterleaved => Type.Rank == 4 && HasChannels(3) && !HasChannels(1);

    /// <summary>Channels, height and width of one image.</summary>
    public ImageShape Shape => IsInterleaved ? new ImageShape(Type[3].Size, Type[1].Size, Type[2].Size) : new ImageShape(Type[1].Size, Type[2].Size, Type[3].Size);

    /// <inheritdoc/>
    public string? Unusable => Is(Type) && Type.Dims.Skip(1).All(dim => dim.IsFixed) ? null
        : $"takes '{Name}' {Type}; images need float or uint8 [N, C, H, W] or [N, H, W, C] with known C, H and W (the command line gives H and W by --size)";

    /// <inheritdoc/>
    public int? FixedBatch => Type.Rank > 0 && Type[0].IsFixed ? Type[0].Size : null;

    /// <inheritdoc/>
    public Preprocessing Left(Preprocessing preprocessing)
    {
        var layout = IsInterleaved ? ImageLayout.Nhwc : ImageLayout.Nchw;
        if (preprocessing.Layout is { } expected && expected != layout)
            throw new PithException($"The preprocessing is for networks that take images as {PreprocessingJson.NameOf(expected)}; input '{Name}' {Type} is {PreprocessingJson.NameOf(layout)}. Leave the layout out: it is found from the input's type.");
        return TakesBytes ? preprocessing.KeepingSamples() : preprocessing;
    }

    /// <inheritdoc/>
    public BatchLoader Load(string network, ImageDataset dataset, Preprocessing preprocessing, BatchLoaderOptions options)
    {
        if (Unusable is { } reason) throw new PithException($"Model '{network}' {reason}.");
        var loader = new BatchLoader(dataset, Left(preprocessing), options);
        if (loader.TakesTokens || loader.Inputs is not null)
            throw new PithException($"Model '{network}' takes images, dataset '{dataset.Name}' has {(loader.Inputs is { } inputs ? $"inputs by name ({string.Join(", ", inputs.Select(input => input.Name))}): call the array of an archive 'images' where it holds images" : "sequences of token ids")}.");
        if (loader.Shape != Shape) throw new PithException($"Model '{network}' takes images of {Shape}, dataset '{dataset.Name}' gives {loader.Shape} after preprocessing. Choose the preprocessing that the model was trained with.");
        return loader;
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<float> images, EngineContext context)
    {
        switch (Type.DataType)
        {
            case DataType.UInt8: Write(images, context.Input<byte>(Name), ToByte); break;
            case DataType.Float16: Write(images, context.Input<Half>(Name), sample => (Half)sample); break;
            case DataType.Float64: Write(images, context.Input<double>(Name), sample => sample); break;
            default: Write(images, context.Input<float>(Name), sample => sample); break;
        }
    }

    /// <inheritdoc/>
    public InputBatch ToTensors(ReadOnlySpan<float> images) => new([(Name, ToTensor(images))]);

    /// <summary>The same as a tensor.</summary>
    /// <exception cref="PithException">They do not fit, or are not 8-bit samples where the network takes those.</exception>
    public Tensor ToTensor(ReadOnlySpan<float> images)
    {
        var shape = new Shape([images.Length / Shape.Elements, .. Type.Dims.Skip(1).Select(dim => dim.Size)]);
        if (TakesBytes)
        {
            var bytes = Tensor.Zeros<byte>(shape);
            Write(images, bytes.Span, ToByte);
            return bytes;
        }
        var floats = Tensor.Zeros<float>(shape);
        Write(images, floats.Span, sample => sample);
        return floats.ConvertTo(Type.DataType);
    }

    private void Write<T>(ReadOnlySpan<float> images, Span<T> input, Func<float, T> convert) where T : unmanaged
    {
        if (images.Length > input.Length) throw new PithException($"A batch of {images.Length} elements does not fit the network's input '{Name}', which has room for {input.Length}.");
        if (!IsInterleaved)
        {
            if (typeof(T) == typeof(float)) MemoryMarshal.AsBytes(images).CopyTo(MemoryMarshal.AsBytes(input));
            else for (var i = 0; i < images.Length; i++) input[i] = convert(images[i]);
            return;
        }
        var (channels, pixels) = (Shape.Channels, Shape.Height * Shape.Width);
        for (var i = 0; i < images.Length; i++)
        {
            var (plane, pixel) = Math.DivRem(i, pixels);
            input[((plane / channels * pixels) + pixel) * channels + plane % channels] = convert(images[i]);
        }
    }

    private byte ToByte(float sample) =>
        sample is >= 0 and <= 255 && sample == MathF.Truncate(sample) ? (byte)sample : throw new PithException($"The network's input '{Name}' takes 8-bit samples, whole numbers of 0 to 255; the data has {sample:R}. Its preprocessing is part of it: give it images, not values that are normalised already.");

    private bool HasChannels(int axis) => Type[axis].IsFixed && Type[axis].Size is 1 or 3;
}
