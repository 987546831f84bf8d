using Pith.Compression.Data;

namespace Pith.Serving;

/// <summary>
/// Image files as a request's input: a BYTES element each, JPEG, PNG, WebP or whatever else <see cref="ImageDecoder"/> reads, turned into the network's input as its metadata says. Thread-safe; at most one
/// image for each processor is decoded at a time.
/// </summary>
internal sealed class EncodedImages
{
    private static readonly SemaphoreSlim s_decoders = new(Environment.ProcessorCount);

    private readonly ImageInput _input;
    private readonly Preprocessing _preprocessing;
    private readonly ImageDecodingOptions _decoding;
    private readonly int _maxBatch;

    private EncodedImages(ImageInput input, Preprocessing preprocessing, int maxBatch, long maxPixels) =>
        (_input, _preprocessing, _maxBatch, _decoding) = (input, preprocessing, maxBatch, new ImageDecodingOptions { MaxPixels = maxPixels });

    /// <summary>For a model that takes images and says how they are made its input; null for another one.</summary>
    /// <exception cref="PithException">The metadata is damaged.</exception>
    public static EncodedImages? Of(Engine engine, long maxPixels)
    {
        if (!engine.Metadata.TryGetValue(Preprocessing.MetadataKey, out var json) || engine.Inputs is not [var (name, type)]) return null;
        var input = new ImageInput(name, type);
        if (type.Rank != 4 || !type.Dims.Skip(1).All(dim => dim.IsFixed)) return null;
        return new EncodedImages(input, input.Left(Preprocessing.FromJson(json)), engine.MaxBatch, maxPixels);
    }

    /// <summary>Decodes and preprocesses a tensor of image files.</summary>
    /// <returns>The tensor that the network takes.</returns>
    /// <exception cref="RequestException">They are not images, too many, or of a size that does not become the network's.</exception>
    public async Task<RequestTensor> DecodeAsync(RequestTensor encoded, CancellationToken cancellation)
    {
        long count = 1;
        foreach (var size in encoded.Shape) count = size is >= 0 and <= int.MaxValue && count <= int.MaxValue ? count * size : long.MaxValue;
        if (count < 1 || count > _maxBatch) throw RequestException.Invalid($"Input '{encoded.Name}' takes 1 to {_maxBatch} images at a time, got {TensorSlot.ShapeText(encoded.Shape)}.");
        var files = ByteElements.Read(encoded.Name, encoded.Data, count);
        var pixels = new float[checked(files.Length * _input.Shape.Elements)];
        await s_decoders.WaitAsync(cancellation).ConfigureAwait(false);
        // Whoever called this may be receiving for other connections, too.
        await Task.Yield();
        try
        {
            for (var i = 0; i < files.Length; i++) Decode(files[i].Span, i, pixels.AsSpan(i * _input.Shape.Elements, _input.Shape.Elements));
            var tensor = _input.ToTensor(pixels);
            return new RequestTensor(encoded.Name, WireType.NameOf(tensor.DataType)!, [.. tensor.Shape.Dims.Select(size => (long)size)], tensor.Bytes.ToArray());
        }
        catch (PithException failure)
        {
            throw RequestException.Invalid(failure.Message, failure);
        }
        finally
        {
            s_decoders.Release();
        }
    }

    private void Decode(ReadOnlySpan<byte> file, int index, Span<float> pixels)
    {
        var image = ImageDecoder.Decode(file, $"{_input.Name}[{index}]", _decoding);
        var shape = _preprocessing.OutputShape(image.Width, image.Height);
        if (shape != _input.Shape) throw new PithException($"Image {index} of {image.Width}x{image.Height} pixels becomes {shape} by the model's preprocessing, its input '{_input.Name}' takes {_input.Shape}. Send it in another size.");
        _preprocessing.Apply(image, pixels);
    }
}
