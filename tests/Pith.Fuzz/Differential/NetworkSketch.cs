using Pith.Ops;
using Pith.Training;

namespace Pith.Fuzz.Differential;

/// <summary>A network that is being made up: the graph so far, the values that motifs may go on from, and sources of sizes, weights and scales.</summary>
internal sealed class NetworkSketch
{
    /// <summary>The most elements of a value, without the batch: interpreted loops shall take milliseconds.</summary>
    public const int LargestValue = 12_000;

    private static readonly int[] s_channels = [1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 17, 24, 31, 32, 33, 48, 64];
    private static readonly int[] s_sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14, 16, 17];

    private readonly NetworkSettings _settings;
    private readonly Dictionary<Value, Tensor> _known = new(ReferenceEqualityComparer.Instance);
    private int _names;

    /// <summary>A network with one input.</summary>
    /// <param name="settings">What it starts from.</param>
    /// <param name="dims">The sizes of the input without the batch; null for random ones.</param>
    public NetworkSketch(NetworkSettings settings, ValueList<int>? dims = null)
    {
        _settings = settings;
        Random = Seeded(settings.Seed);
        Graph = new Graph("random");
        var x = Graph.AddInput("x", new TensorType(settings.Input == InputKind.Bytes ? DataType.UInt8 : DataType.Float32, (dims is { } given ? [InputDims().First(), .. given.Select(Dim.Of)] : InputDims()).ToValueList()));
        Values.Add(x);
        _known[x] = InputTensor(settings.MaxBatch, 0);
    }

    public Graph Graph { get; }

    public Random Random { get; private set; }

    /// <summary>Everything that motifs made, oldest first.</summary>
    public List<Value> Values { get; } = [];

    public NumberKind Numbers => _settings.Numbers;

    /// <summary>Whether weights may be quantized; not where that is what is tested.</summary>
    public bool Quantizes { get; init; } = true;

    /// <summary>Adds what a motif makes of a recent value; nothing when it fits none.</summary>
    public void Grow(Motif motif, uint seed)
    {
        Random = Seeded(seed);
        // Most steps go on where the last one stopped; others make branches.
        var first = Chance(0.7) ? Values.Count - 1 : Int(0, Values.Count - 1);
        foreach (var index in Enumerable.Range(0, Values.Count).Reverse().Prepend(first))
        {
            if (motif.Build(this, Values[index]) is not { } made) continue;
            if (!Values.Contains(made)) Values.Add(made);
            return;
        }
    }

    /// <summary>Returns what nobody reads, and some of the rest.</summary>
    public void AddOutputs()
    {
        Random = Seeded(_settings.Seed + 1);
        foreach (var value in Values.Concat(Graph.Nodes.SelectMany(node => node.Outputs)).Distinct().Where(value => value.Producer is not null).ToArray())
            if (value.Uses.Count == 0 || Chance(0.06)) Graph.AddOutput(value);
        if (Graph.Outputs.Count == 0) Graph.AddOutput(Graph.Add(new Identity(), Values[0]));
    }

    /// <summary>The input at a batch; other numbers for each run.</summary>
    public Tensor InputTensor(int batch, int run)
    {
        var random = new Random(unchecked((int)_settings.Seed + 31 * run + batch));
        var shape = new Shape([_settings.Symbolic ? batch : _settings.MaxBatch, .. Graph.Inputs[0].Type.Dims.Skip(1).Select(dim => dim.Size)]);
        if (_settings.Input != InputKind.Bytes) return Tensor.Create(shape, Floats(random, shape.Length));
        var bytes = new byte[shape.Length];
        random.NextBytes(bytes);
        return Tensor.Create(shape, bytes);
    }

    public Value Add(Op op, params ReadOnlySpan<Value?> inputs) => Graph.Add(op, inputs);

    public bool Chance(double probability) => Random.NextDouble() < probability;

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Int(int low, int high) => Random.Next(low, high + 1);

    public T Pick<T>(params ReadOnlySpan<T> items) => items[Random.Next(items.Length)];

    /// <summary>A number of channels, often odd, not above <paramref name="most"/>.</summary>
    public int Channels(int most = 64) => Pick<int>([.. s_channels.Where(channels => channels <= Math.Max(1, most))]);

    public Value Scalar(float value) => Graph.AddConstant(Name("c"), Tensor.Scalar(value));

    public Value Integers(params ReadOnlySpan<long> values) => Graph.AddConstant(Name("i"), Tensor.Vector(values));

    public Value Constant(Tensor tensor) => Graph.AddConstant(Name("k"), tensor);

    /// <summary>Weights, scaled so that sums over <paramref name="reduced"/> of them stay of the order of their operand.</summary>
    public Tensor<float> Weights(Shape shape, int reduced = 1)
    {
        var weights = Floats(Random, shape.Length);
        var scale = Numbers == NumberKind.Exact ? MathF.Pow(2, -Int(0, 3)) : 1 / MathF.Sqrt(Math.Max(1, reduced));
        for (var i = 0; i < weights.Length; i++) weights[i] *= scale;
        return Tensor.Create(shape, weights);
    }

    public Value Weight(Shape shape, int reduced = 1) => Graph.AddConstant(Name("w"), Weights(shape, reduced));

    /// <summary>The largest finite |x| that <paramref name="x"/> has for one input.</summary>
    public float Amax(Value x)
    {
        var largest = 0f;
        foreach (var value in Evaluate(x).ConvertTo(DataType.Float32).As<float>().Data)
            if (float.IsFinite(value)) largest = MathF.Max(largest, MathF.Abs(value));
        return largest;
    }

    /// <summary>The value for one input.</summary>
    public Tensor Evaluate(Value x)
    {
        if (x.Constant is not null) return x.Constant;
        if (_known.TryGetValue(x, out var known)) return known;
        var operands = x.Producer!.Inputs.Select(input => input is null ? null : Evaluate(input)).ToArray();
        var results = x.Producer.Op.Evaluate(operands, x.Producer.Outputs.Count);
        for (var i = 0; i < results.Length; i++) _known[x.Producer.Outputs[i]] = results[i];
        return results[x.OutputIndex];
    }

    /// <summary>Elements of a value of one image.</summary>
    public static long Elements(Value x) => x.Type.Dims.Aggregate(1L, (product, dim) => product * (dim.IsFixed ? dim.Size : 1));

    /// <summary>The first axis whose size is the batch, or -1.</summary>
    public static int BatchAxis(Value x) => x.Type.Dims.ToList().FindIndex(dim => !dim.IsFixed);

    /// <summary>Whether all sizes but the first are numbers.</summary>
    public static bool IsBatched(Value x) => x.Type.Rank >= 2 && x.Type.Dims.Skip(1).All(dim => dim.IsFixed);

    /// <summary>Floats with channels and one or more spatial axes.</summary>
    public static bool IsMap(Value x) => x.Type.DataType == DataType.Float32 && x.Type.Rank is >= 3 and <= 5 && IsBatched(x);

    public static bool IsFloat(Value x) => x.Type.DataType == DataType.Float32;

    private string Name(string kind) => $"{kind}{_names++}";

    private static Random Seeded(uint seed) => new(unchecked((int)seed));

    private IEnumerable<Dim> InputDims()
    {
        Dim batch = _settings.Symbolic ? Dim.Named("N") : _settings.MaxBatch;
        int Size(int most = 17) => Pick<int>([.. s_sizes.Where(size => size <= most)]);
        return _settings.Input switch
        {
            InputKind.Image => [batch, Channels(33), Size(), Size()],
            InputKind.Bytes => Chance(0.5) ? [batch, Pick(1, 3), Size(), Size()] : [batch, Size(), Size(), Pick(1, 3)],
            InputKind.Volume => [batch, Channels(8), Size(5), Size(7), Size(7)],
            InputKind.Signal => [batch, Channels(33), Size()],
            InputKind.Sequence => [batch, Size(9), Channels()],
            _ => [batch, Channels()],
        };
    }

    private float[] Floats(Random random, int count)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++) values[i] = _settings.Numbers == NumberKind.Exact ? random.Next(-3, 4) : (float)Normal(random);
        if (_settings.Numbers != NumberKind.Extreme) return values;
        var kinds = random.Next(1, s_extremes.Length + 1);
        for (var n = random.Next(1, Math.Max(2, count / 16)); n > 0; n--) values[random.Next(count)] = s_extremes[random.Next(kinds)];
        return values;
    }

    // Harmless ones first: a draw takes the first few.
    private static readonly float[] s_extremes =
        [0f, -0f, float.Epsilon, -1e-40f, 1e30f, -1e30f, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN];

    private static double Normal(Random random)
    {
        var radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
        return radius * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
