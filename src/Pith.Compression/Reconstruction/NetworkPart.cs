namespace Pith.Compression.Reconstruction;

/// <summary>A part of a network as an engine, with the values that it starts from. One caller at a time; dispose it to free the engine.</summary>
internal sealed class NetworkPart : IDisposable
{
    private readonly Graph _part;
    private readonly IReadOnlyDictionary<string, Tensor[]> _start;
    private readonly CalibrationImages _images;
    private readonly Engine _engine;
    private readonly EngineContext _context;

    /// <param name="part">The part; its inputs are values of <paramref name="start"/>, or others that are written before each run.</param>
    /// <param name="start">Values by name, a tensor for each batch.</param>
    /// <param name="images">The images that they come from.</param>
    /// <param name="threads">Threads of a run.</param>
    /// <exception cref="PithException">The part cannot be built.</exception>
    public NetworkPart(Graph part, IReadOnlyDictionary<string, Tensor[]> start, CalibrationImages images, int threads)
    {
        (_part, _start, _images) = (part, start, images);
        _engine = EngineBuilder.Build(part, new EngineOptions { MaxBatch = images.BatchSize, Threads = threads, TimeTactics = false });
        _context = _engine.CreateContext();
    }

    /// <summary>The outputs, in order.</summary>
    public IReadOnlyList<Value> Outputs => _part.Outputs;

    /// <summary>The memory of an input that the start does not have, for the largest batch; to be written before <see cref="Run(int)"/>.</summary>
    public Span<float> Input(string name) => _context.Input<float>(name);

    /// <summary>An output of the last run; the next one overwrites it.</summary>
    public ReadOnlySpan<float> Output(int index) => _context.Output<float>(_part.Outputs[index].Name);

    /// <summary>Runs one batch.</summary>
    /// <param name="batch">Its number.</param>
    public void Run(int batch)
    {
        foreach (var input in _part.Inputs)
            if (_start.TryGetValue(input.Name, out var values)) _context.SetInput(input.Name, values[batch]);
        _context.Run(_images.Batches[batch].Count);
    }

    /// <summary>Runs all batches.</summary>
    /// <param name="pool">Gives the memory of float outputs.</param>
    /// <returns>The outputs by name, a tensor for each batch.</returns>
    public IReadOnlyDictionary<string, Tensor[]> Run(TensorPool pool)
    {
        var results = _part.Outputs.ToDictionary(value => value.Name, _ => new Tensor[_images.Batches.Count], StringComparer.Ordinal);
        for (var i = 0; i < _images.Batches.Count; i++)
        {
            Run(i);
            foreach (var output in _part.Outputs) results[output.Name][i] = Copy(output, pool);
        }
        return results;
    }

    private Tensor Copy(Value output, TensorPool pool)
    {
        if (output.Type.DataType != DataType.Float32) return _context.OutputTensor(output.Name);
        var tensor = pool.Take(_context.OutputShape(output.Name));
        _context.Output<float>(output.Name).CopyTo(tensor.Span);
        return tensor;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _context.Dispose();
        _engine.Dispose();
    }
}
