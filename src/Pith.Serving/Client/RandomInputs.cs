namespace Pith.Serving;

/// <summary>Seeded random tensors for a model's inputs.</summary>
internal static class RandomInputs
{
    /// <summary>One tensor for each input: floats of 0 to 1, any bytes, other integers 0 or 1.</summary>
    /// <param name="inputs">The inputs as the server describes them.</param>
    /// <param name="batch">The first size, where it varies.</param>
    /// <param name="seed">The seed.</param>
    /// <exception cref="PithException">An input has another open size than the batch, or no type that can be made up.</exception>
    public static IReadOnlyList<RequestTensor> Of(IReadOnlyList<RemoteTensor> inputs, int batch, int seed)
    {
        var random = new Random(seed);
        return [.. inputs.Select(input => Of(input, batch, random))];
    }

    private static RequestTensor Of(RemoteTensor input, int batch, Random random)
    {
        var type = WireType.Find(input.DataType) ?? throw new PithException($"Input '{input.Name}' is {input.DataType}, for which there is no random data.");
        long[] sizes = [.. input.Shape.Select((size, axis) => size >= 0 ? size : axis == 0 ? batch : throw new PithException($"Input '{input.Name}' {TensorSlot.ShapeText(input.Shape)} has open sizes other than the batch, for which there is no random data."))];
        if (input.Shape is [var first and >= 0, ..] && batch > 1 && first != batch) throw new PithException($"Input '{input.Name}' {TensorSlot.ShapeText(input.Shape)} has a fixed batch of {first}: leave --batch out.");
        var shape = new Shape([.. sizes.Select(size => checked((int)size))]);
        var values = new float[shape.Length];
        for (var i = 0; i < values.Length; i++) values[i] = type.IsFloat() || type == DataType.BFloat16 ? random.NextSingle() : random.Next(type == DataType.UInt8 ? 256 : 2);
        return new RequestTensor(input.Name, input.DataType, sizes, Tensor.Create(shape, values).ConvertTo(type).Bytes.ToArray());
    }
}
