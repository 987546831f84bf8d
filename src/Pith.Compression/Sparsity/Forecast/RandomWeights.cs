namespace Pith.Compression.Sparsity;

/// <summary>Seeded random weights for a network of which only the speed is wanted: none is zero in the dense network, and a pattern can be laid over the layers that take it.</summary>
internal sealed class RandomWeights
{
    private const int Seed = 1;

    private readonly Dictionary<string, Tensor> _weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Layer, WeightAxes Layout)> _eligible = new(StringComparer.Ordinal);

    /// <param name="graph">A network; not changed.</param>
    public RandomWeights(Graph graph)
    {
        var random = new Random(Seed);
        var all = graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>().ToArray();
        foreach (var weights in all.GroupBy(weight => weight.Constant.Name))
        {
            var constant = weights.First().Constant;
            var whyNot = weights.Select(WhyDense).Concat([Unfit(constant, weights, all)]).FirstOrDefault(reason => reason is not null);
            foreach (var weight in weights) WhyNot[weight.Node.Name] = whyNot;
            if (Random(constant.Constant!, random) is not { } made) continue;
            _weights[constant.Name] = made;
            if (whyNot is null) _eligible[constant.Name] = (weights.First().Node.Name, weights.First().StoredLayout!.Value);
        }
    }

    /// <summary>Why a layer stays dense, by its name; null for layers that take patterns.</summary>
    public Dictionary<string, string?> WhyNot { get; } = new(StringComparer.Ordinal);

    /// <summary>A copy of the network with the random weights, and patterns in layers that take them.</summary>
    /// <param name="graph">The network.</param>
    /// <param name="patternOf">The pattern of a layer by its name (the first of those that share a weight); null for a dense one.</param>
    public Graph Apply(Graph graph, Func<string, SparsityPattern?> patternOf)
    {
        var copy = graph.Clone();
        foreach (var constant in copy.Constants.Where(constant => _weights.ContainsKey(constant.Name)).ToArray())
        {
            var weight = _weights[constant.Name];
            if (_eligible.TryGetValue(constant.Name, out var eligible) && patternOf(eligible.Layer) is { } pattern)
            {
                // Random magnitudes make a random mask.
                var mask = Mask24.ByMagnitude(weight.ConvertTo(DataType.Float32).As<float>().Span, eligible.Layout, pattern);
                weight = weight.Clone();
                if (weight is Tensor<sbyte> integers) mask.Apply(integers.Span);
                else mask.Apply(weight.As<float>().Span);
            }
            copy.SetConstant(constant, weight);
        }
        return copy;
    }

    private static string? WhyDense(WeightOperand weight) => SparsityEligibility.Of(weight.Outputs, weight.Reduction, weight.Groups).WhyNotPattern;

    private static string? Unfit(Value constant, IGrouping<string, WeightOperand> weights, WeightOperand[] all) =>
        constant.Type.DataType is not (DataType.Int8 or DataType.Float32) ? $"its weight is stored as {constant.Type.DataType.ShortName()}"
        : weights.First().StoredLayout is not { } layout ? "a Transpose takes the channels of its weight apart"
        : weights.Any(weight => weight.StoredLayout != layout) ? "it shares its weight with a layer that sums over another axis"
        : WeightOperand.OtherReader(constant, all) is { } reader ? $"its weight is read by {reader.Op.Schema.Name} '{reader.Name}' as well"
        : null;

    // About as large as trained weights are, since some kernels look at the sums that weights can make.
    private static Tensor? Random(Tensor weight, Random random)
    {
        if (weight is Tensor<sbyte>)
        {
            var made = Tensor.Zeros<sbyte>(weight.Shape);
            foreach (ref var w in made.Span) w = (sbyte)Math.CopySign(Math.Clamp(Math.Round(127 * Magnitude(random)), 1, 127), random.Next(2) - 0.5);
            return made;
        }
        if (weight is not Tensor<float>) return null;
        var floats = Tensor.Zeros<float>(weight.Shape);
        var size = 4 / MathF.Sqrt(Math.Max(1, weight.Shape.Rank > 1 ? weight.Shape.LengthOf(1, weight.Shape.Rank) : weight.Length));
        foreach (ref var w in floats.Span) w = (float)Math.CopySign(size * Math.Max(Magnitude(random), 1e-3), random.Next(2) - 0.5);
        return floats;
    }

    // Nearly the magnitude of a normal variate, 0 to 1, in quarters of its range.
    private static double Magnitude(Random random) => Math.Abs(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) / 1.5;
}
