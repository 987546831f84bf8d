using System.Globalization;

namespace Pith.Compression.Sparsity;

/// <summary>The outputs of a network for random inputs, to see that a change left them as they were.</summary>
internal sealed class OutputProbe
{
    private const int Seed = 1;

    // Sums in another order differ by rounding: of the largest output.
    private const double Tolerance = 1e-4;
    private const double HalfTolerance = 0.02;

    // Sizes that a network leaves open are tried in turn.
    private static readonly int[] s_openSizes = [32, 64, 224];

    private readonly Tensor[] _inputs;
    private readonly double[][] _outputs;
    private readonly string? _refusal;

    private OutputProbe(Tensor[] inputs, double[][] outputs, string? refusal) => (_inputs, _outputs, _refusal) = (inputs, outputs, refusal);

    /// <summary>Runs a network as it is now.</summary>
    public static OutputProbe Of(Graph graph)
    {
        string? refusal = null;
        foreach (var open in s_openSizes)
        {
            var inputs = Inputs(graph, open);
            try
            {
                return new OutputProbe(inputs, Run(graph, inputs), null);
            }
            catch (PithException refused)
            {
                refusal = refused.Message;
            }
            if (graph.Inputs.All(input => input.Type.IsStatic)) break;
        }
        return new OutputProbe([], [], refusal);
    }

    /// <summary>Runs a network again; null when the outputs are the same up to rounding, else what is wrong, for people.</summary>
    public string? WhyNotEqual(Graph graph)
    {
        if (_refusal is not null) return $"whether its outputs stay the same cannot be checked ({_refusal})";
        var outputs = Run(graph, _inputs);
        var isHalf = graph.Values.Any(value => value.Type.DataType is DataType.Float16 or DataType.BFloat16);
        for (var i = 0; i < outputs.Length; i++)
        {
            double largest = 0, difference = 0;
            for (var at = 0; at < outputs[i].Length; at++)
            {
                if (outputs[i][at].Equals(_outputs[i][at])) continue;
                difference = Math.Max(difference, Math.Abs(outputs[i][at] - _outputs[i][at]) is var gap && double.IsNaN(gap) ? double.PositiveInfinity : gap);
            }
            foreach (var value in _outputs[i]) if (double.IsFinite(value)) largest = Math.Max(largest, Math.Abs(value));
            if (difference > largest * (isHalf ? HalfTolerance : Tolerance)) return string.Create(CultureInfo.InvariantCulture, $"with other orders its output '{graph.Outputs[i].Name}' changes by {difference:0.#######} of {largest:0.###}");
        }
        return null;
    }

    private static double[][] Run(Graph graph, Tensor[] inputs)
    {
        using var runner = NetworkRunner.Engine(new EngineOptions { MaxBatch = 1 });
        return [.. runner.Run(new FedGraph(graph, inputs, [])).Select(tensor => tensor.ConvertTo(DataType.Float64).As<double>().Data.ToArray())];
    }

    private static Tensor[] Inputs(Graph graph, int open) => [.. graph.Inputs.Select((input, i) => Random(input.Type, new Shape([.. input.Type.Dims.Select((dim, axis) => dim.IsFixed ? dim.Size : axis == 0 ? 1 : open)]), i))];

    // Integers are small, since they may be indices.
    private static Tensor Random(TensorType type, Shape shape, int stream)
    {
        var random = new SeededRandom(Seed, stream);
        var values = new float[shape.Length];
        for (var i = 0; i < values.Length; i++) values[i] = type.DataType.IsFloat() ? random.Next(-1, 1) : random.Next(2);
        return Tensor.Create(shape, values).ConvertTo(type.DataType);
    }
}
