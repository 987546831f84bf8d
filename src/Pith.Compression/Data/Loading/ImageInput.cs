using System.Runtime.InteropServices;

namespace Pith.Compression.Data;

/// <summary>
/// The input of a network that takes images: floats of any width that preprocessing has made of them, or the 8-bit samples themselves, which the network normalises; [N, C, H, W] or [N, H, W, C]. Or token sequences: int64 or
/// int32 [N, T]. Batches are [N, C, H, W] of floats always (tokens: C and H are 1); what is written into the network is what it takes.
/// </summary>
/// <param name="Name">The input's name.</param>
/// <param name="Type">Its type.</param>
internal sealed record ImageInput(string Name, TensorType Type)
{
    /// <summary>The only input of a network.</summary>
    /// <exception cref="PithException">There are none or several.</exception>
    public static ImageInput Of(string network, IReadOnlyList<(string Name, TensorType Type)> inputs) =>
        inputs is [var (name, type)] ? new ImageInput(name, type) : throw new PithException($"Images are fed into one input; network '{network}' has {inputs.Count} inputs.");

    /// <summary>The only input of a graph.</summary>
    /// <exception cref="PithException">There are none or several.</exception>
    public static ImageInput Of(Graph graph) => Of(graph.Name, [.. graph.Inputs.Select(input => (input.Name, input.Type))]);

    /// <summary>Whether the network takes 8-bit samples.</summary>
    public bool TakesBytes => Type.DataType == DataType.UInt8;

    /// <summary>Whether the network takes sequences of token ids.</summary>
    public bool TakesTokens => Type is { Rank: 2, DataType: DataType.Int64 or DataType.Int32 };

    /// <summary>Whether the channels of a pixel lie together: the last axis has as many as images have, the second has not.</summary>
    public bool IsInterleaved => Type.Rank == 4 && HasChannels(3) && !HasChannels(1);

    /// <summary>Channels, height and width of one image; 1, 1 and the tokens of a sequence.</summary>
    public ImageShape Shape => TakesTokens ? new ImageShape(1, 1, Type[1].Size) : IsInterleaved ? new ImageShape(Type[3].Size, Type[1].Size, Type[2].Size) : new ImageShape(Type[1].Size, Type[2].Size, Type[3].Size);

    /// <summary>Whether the sizes of one image or sequence are known.</summary>
    public bool IsKnown => TakesTokens ? Type[1].IsFixed : Type.Rank == 4 && (Type.DataType.IsFloat() || TakesBytes) && Type.Dims.Skip(1).All(dim => dim.IsFixed);

    /// <summary>The number of images that one run takes, where the network fixes it; null when any number is taken.</summary>
    public int? FixedBatch => Type.Rank > 0 && Type[0].IsFixed ? Type[0].Size : null;

    /// <summary>The part of <paramref name="preprocessing"/> that is left to do outside of the network.</summary>
    /// <exception cref="PithException">The network has another layout than the preprocessing says.</exception>
    public Preprocessing Left(Preprocessing preprocessing)
    {
        if (TakesTokens) return preprocessing;
        var layout = IsInterleaved ? ImageLayout.Nhwc : ImageLayout.Nchw;
        if (preprocessing.Layout is { } expected && expected != layout)
            throw new PithException($"The preprocessing is for networks that take images as {PreprocessingJson.NameOf(expected)}; input '{Name}' {Type} is {PreprocessingJson.NameOf(layout)}. Leave the layout out: it is found from the input's type.");
        return TakesBytes ? preprocessing.KeepingSamples() : preprocessing;
    }

    /// <summary>Checks that the images of a dataset have the network's size.</summary>
    /// <param name="network">The network's name, for messages.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="loader">How they are loaded.</param>
    /// <exception cref="PithException">Channels, height or width differ, or the network does not say what it takes.</exception>
    public void RequireFit(string network, ImageDataset dataset, BatchLoader loader)
    {
        if (!IsKnown) throw new PithException($"Model '{network}' takes '{Name}' {Type}; images need [N, C, H, W] or [N, H, W, C] with known C, H and W (the command line gives H and W by --size), token sequences int64 or int32 [N, T] with known T.");
        if (TakesTokens != loader.TakesTokens) throw new PithException($"Model '{network}' takes {(TakesTokens ? "sequences of token ids" : "images")}, dataset '{dataset.Name}' has {(loader.TakesTokens ? "sequences of token ids" : "images")}.");
        if (TakesTokens && loader.Shape != Shape) throw new PithException($"Model '{network}' takes sequences of {Shape.Width} tokens, dataset '{dataset.Name}' has {loader.Shape.Width} for each sample. Pad or cut the data.");
        if (loader.Shape != Shape) throw new PithException($"Model '{network}' takes images of {Shape}, dataset '{dataset.Name}' gives {loader.Shape} after preprocessing. Choose the preprocessing that the model was trained with.");
    }

    /// <summary>Copies images, [N, C, H, W] with any N up to the largest batch, into the input of a context.</summary>
    /// <exception cref="PithException">They do not fit, or are no 8-bit samples where the network takes those.</exception>
    public void Write(ReadOnlySpan<float> images, EngineContext context)
    {
        switch (Type.DataType)
        {
            case DataType.UInt8: Write(images, context.Input<byte>(Name), ToByte); break;
            case DataType.Int64: Write(images, context.Input<long>(Name), ToToken); break;
            case DataType.Int32: Write(images, context.Input<int>(Name), sample => (int)ToToken(sample)); break;
            case DataType.Float16: Write(images, context.Input<Half>(Name), sample => (Half)sample); break;
            case DataType.Float64: Write(images, context.Input<double>(Name), sample => sample); break;
            default: Write(images, context.Input<float>(Name), sample => sample); break;
        }
    }

    /// <summary>The same as a tensor.</summary>
    /// <exception cref="PithException">They do not fit, or are no 8-bit samples where the network takes those.</exception>
    public Tensor ToTensor(ReadOnlySpan<float> images)
    {
        var shape = new Shape([images.Length / Shape.Elements, .. Type.Dims.Skip(1).Select(dim => dim.Size)]);
        if (TakesBytes)
        {
            var bytes = Tensor.Zeros<byte>(shape);
            Write(images, bytes.Span, ToByte);
            return bytes;
        }
        if (TakesTokens)
        {
            var ids = Tensor.Zeros<long>(shape);
            Write(images, ids.Span, ToToken);
            return ids.ConvertTo(Type.DataType);
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

    private long ToToken(float sample) =>
        sample >= 0 && sample == MathF.Truncate(sample) ? (long)sample : throw new PithException($"The network's input '{Name}' takes token ids, whole numbers from 0; the data has {sample:R}.");

    private bool HasChannels(int axis) => Type[axis].IsFixed && Type[axis].Size is 1 or 3;
}
