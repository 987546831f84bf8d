namespace Pith.Compression.Data;

/// <summary>
/// Inputs that are fed as they are, each by its name: token ids with their masks, pairs of images, rows of numbers. Batches are [N, elements] of floats: for each sample the elements of all inputs, one input after the other in the
/// network's order. A network of one input takes samples of one input, and token sequences, whatever their name.
/// </summary>
internal sealed class NamedInputs : INetworkInputs
{
    /// <exception cref="PithException">An input has no batch as its first axis, or another one than the first input.</exception>
    public NamedInputs(string network, IReadOnlyList<(string Name, TensorType Type)> inputs)
    {
        Inputs = inputs;
        foreach (var (name, type) in inputs)
            if (type.Rank == 0 || type[0] != inputs[0].Type[0])
                throw new PithException($"Network '{network}' takes {SymbolSizes.Text(inputs)}: samples are fed along the first axis of each input, {(type.Rank == 0 ? $"and '{name}' has none" : $"which has to be the same batch; '{name}' has {type[0]}, '{inputs[0].Name}' has {inputs[0].Type[0]}")}. {(type.Rank == 0 ? "Make it a constant of the model." : $"Give both the same one (pith surgeon --input-shape {name}={inputs[0].Type[0]}{string.Concat(type.Dims.Skip(1).Select(dim => $",{dim}"))}).")}");
    }

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, TensorType Type)> Inputs { get; }

    /// <inheritdoc/>
    public ImageShape Shape => new(1, 1, Inputs.Sum(input => ElementsOf(input.Type)));

    /// <inheritdoc/>
    public string? Unusable
    {
        get
        {
            foreach (var (name, type) in Inputs)
            {
                if (type.Dims.Skip(1).Where(dim => !dim.IsFixed).ToArray() is [var open, ..])
                    return $"takes '{name}' {type}, of which '{open}' is open: the samples of a batch have one length (--size {open}=NUMBER)";
                if (!IsUsable(type.DataType)) return $"takes '{name}' {type}, expected floats, integers or bool";
            }
            return null;
        }
    }

    /// <inheritdoc/>
    public int? FixedBatch => Inputs[0].Type[0].IsFixed ? Inputs[0].Type[0].Size : null;

    /// <inheritdoc/>
    public Preprocessing Left(Preprocessing preprocessing) => preprocessing;

    /// <inheritdoc/>
    public BatchLoader Load(string network, ImageDataset dataset, Preprocessing preprocessing, BatchLoaderOptions options)
    {
        var first = dataset.Load(0);
        if (first.Inputs is not { } held)
        {
            if (Inputs is not [var (name, type)] || !first.IsSequence || !IsInteger(type.DataType))
                throw new PithException($"Model '{network}' takes {SymbolSizes.Text(Inputs)}, dataset '{dataset.Name}' has {(first.IsSequence ? "sequences of token ids" : "images")}, for one input. Feed an archive whose arrays are named after the inputs: npz:FILE with {string.Join(", ", Inputs.Select(input => input.Name))} and, to measure accuracy, labels.");
            held = [new SampleInput(name, new Shape(first.Values.Length))];
        }
        var taken = Inputs.Select(input => Find(network, dataset, held, input)).ToArray();
        if (Unusable is { } reason) throw new PithException($"Model '{network}' {reason}.");
        return new BatchLoader(dataset, preprocessing, options, first.Inputs is null ? null : taken);
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<float> samples, EngineContext context)
    {
        var batch = ToTensors(samples);
        // A network with a fixed batch runs all of it; nobody looks at what follows the last sample.
        if (FixedBatch is { } whole && batch.Count < whole) batch = InputBatch.Gather([batch], [.. Enumerable.Range(0, whole).Select(i => i % batch.Count)]);
        batch.WriteTo(context);
    }

    /// <inheritdoc/>
    public InputBatch ToTensors(ReadOnlySpan<float> samples)
    {
        var (tensors, all, from) = (new List<(string, Tensor)>(), Shape.Elements, 0);
        var count = samples.Length / all;
        foreach (var (name, type) in Inputs)
        {
            var elements = ElementsOf(type);
            var values = Tensor.Zeros<float>(new Shape([count, .. type.Dims.Skip(1).Select(dim => dim.Size)]));
            for (var i = 0; i < count; i++) samples.Slice(i * all + from, elements).CopyTo(values.Span[(i * elements)..]);
            tensors.Add((name, Convert(name, values, type.DataType)));
            from += elements;
        }
        return new InputBatch(tensors);
    }

    /// <summary>Where the samples hold an input.</summary>
    private Range Find(string network, ImageDataset dataset, IReadOnlyList<SampleInput> held, (string Name, TensorType Type) input)
    {
        var isOnly = Inputs.Count == 1 && held.Count == 1;
        var from = 0;
        foreach (var part in held)
        {
            if (part.Name == input.Name || isOnly)
            {
                RequireShape(network, dataset, part, input);
                return from..(from + part.Shape.Length);
            }
            from += part.Shape.Length;
        }
        var advice = input.Name switch
        {
            "attention_mask" => "It is 1 at tokens and 0 at padding; Pith does not guess which token is padding.",
            "token_type_ids" => "It is 0 in the first sentence and 1 in the second: zeros of the shape of the token ids where there is only one.",
            "position_ids" => "It counts the tokens of a sequence from 0.",
            _ => "Name arrays after the inputs.",
        };
        throw new PithException($"Model '{network}' takes '{input.Name}' {input.Type}, which dataset '{dataset.Name}' does not have: it has {string.Join(", ", held.Select(part => part.Name))}. Add the array to the archive. {advice}");
    }

    private static void RequireShape(string network, ImageDataset dataset, SampleInput part, (string Name, TensorType Type) input)
    {
        var wanted = input.Type.Dims.Skip(1).ToArray();
        if (wanted.Length == part.Shape.Rank && wanted.Zip(part.Shape.Dims).All(pair => !pair.First.IsFixed || pair.First.Size == pair.Second))
        {
            var open = wanted.Zip(part.Shape.Dims).Where(pair => !pair.First.IsFixed).ToArray();
            if (open.Length == 0) return;
            throw new PithException($"Model '{network}' takes '{input.Name}' {input.Type}, of which {string.Join(", ", open.Select(pair => $"'{pair.First}'"))} is open; a sample of dataset '{dataset.Name}' has {part.Shape}. Fix it: --size {string.Join(",", open.Select(pair => $"{pair.First}={pair.Second}"))}.");
        }
        throw new PithException($"Model '{network}' takes '{input.Name}' {input.Type}, dataset '{dataset.Name}' has {part.Shape} for each sample.{(part.Shape.Rank == 1 && wanted.Length == 1 ? $" Pad or cut the data to {wanted[0]} tokens, or import the model for {part.Shape[0]} where its sequences are open (--size)." : "")}");
    }

    /// <summary>Values as another type has them.</summary>
    private static Tensor Convert(string name, Tensor<float> values, DataType type)
    {
        var converted = values.ConvertTo(type);
        if (type.IsFloat()) return converted;
        foreach (var (value, kept) in values.Data.Zip(converted.ConvertTo(DataType.Float32).As<float>().Data))
            if (value != kept) throw new PithException($"The network's input '{name}' is {type.ShortName()}; the data has {value:R}, which is not a value of it.");
        return converted;
    }

    private static bool IsUsable(DataType type) => type.IsFloat() || IsInteger(type) || type == DataType.Bool;

    private static bool IsInteger(DataType type) => type is DataType.Int64 or DataType.Int32 or DataType.Int16 or DataType.Int8 or DataType.UInt8 or DataType.UInt16;

    private static int ElementsOf(TensorType type) => type.Dims.Skip(1).Aggregate(1, (product, dim) => checked(product * dim.Size));
}
