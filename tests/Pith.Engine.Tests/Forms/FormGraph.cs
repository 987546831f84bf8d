using Pith.Ops;

namespace Pith.EngineTests.Forms;

/// <summary>A graph with one input x of an open batch and seeded constants.</summary>
internal sealed class FormGraph
{
    private readonly Random _random = new(7);

    public FormGraph(params ReadOnlySpan<int> dims) => X = Graph.AddInput("x", TensorType.Float32([Dim.Named("N"), .. dims.ToArray().Select(Dim.Of)]));

    public Graph Graph { get; } = new("form");

    public Value X { get; }

    public Value Add(Op op, params ReadOnlySpan<Value?> inputs) => Graph.Add(op, inputs);

    /// <summary>Random floats whose sums over all but the first axis have the size of 1.</summary>
    public Value Reals(params int[] dims)
    {
        var tensor = Tensor.Zeros<float>(new Shape(dims));
        var amax = 1.7f / MathF.Sqrt(Math.Max(1, tensor.Length / Math.Max(1, dims[0])));
        foreach (ref var value in tensor.Span) value = (_random.NextSingle() * 2 - 1) * amax;
        return Graph.AddConstant("c", tensor);
    }

    public Value Integers(params long[] values) => Graph.AddConstant("i", Tensor.Vector<long>(values));

    public Value Floats(params float[] values) => Graph.AddConstant("f", Tensor.Vector<float>(values));

    /// <summary>The graph with this result.</summary>
    public Graph Returning(Value y)
    {
        Graph.AddOutput(y);
        return Graph;
    }
}
