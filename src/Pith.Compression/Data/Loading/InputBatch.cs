namespace Pith.Compression.Data;

/// <summary>What a network takes for one run: a tensor for each input, with the samples along the first axis. Immutable by convention: tensors are shared.</summary>
/// <param name="Inputs">Names and tensors, in the network's order.</param>
internal sealed record InputBatch(IReadOnlyList<(string Name, Tensor Tensor)> Inputs)
{
    /// <summary>Number of samples.</summary>
    public int Count => Inputs[0].Tensor.Shape[0];

    /// <summary>The tensors alone.</summary>
    public IReadOnlyList<Tensor> Tensors => [.. Inputs.Select(input => input.Tensor)];

    /// <summary>Copies all tensors into the inputs of a context.</summary>
    /// <exception cref="PithException">One does not fit.</exception>
    public void WriteTo(EngineContext context)
    {
        foreach (var (name, tensor) in Inputs) context.SetInput(name, tensor);
    }

    /// <summary>Some samples out of batches that all have the size of the first, but for the last.</summary>
    /// <param name="batches">The batches.</param>
    /// <param name="samples">Positions, counted through all batches.</param>
    public static InputBatch Gather(IReadOnlyList<InputBatch> batches, IReadOnlyList<int> samples)
    {
        var size = batches[0].Count;
        return new([.. batches[0].Inputs.Select((input, at) =>
        {
            var gathered = Tensor.Zeros(input.Tensor.DataType, input.Tensor.Shape.With(0, samples.Count));
            var bytes = gathered.Bytes.Length / samples.Count;
            for (var i = 0; i < samples.Count; i++) batches[samples[i] / size].Inputs[at].Tensor.Bytes.Slice(samples[i] % size * bytes, bytes).CopyTo(gathered.Bytes[(i * bytes)..]);
            return (input.Name, gathered);
        })]);
    }
}
