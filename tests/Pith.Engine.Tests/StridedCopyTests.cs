using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests;

/// <summary>Transpose, Split and Slice by strided copies: the bits of the ops' own definitions, whatever the shape, the element, the batch and the threads.</summary>
public class StridedCopyTests
{
    // Sizes that fill no tile, one, and one and a bit; the first axis is the batch.
    private static readonly int[][] s_shapes = [[3, 70], [2, 17, 33], [1, 3, 8, 19], [3, 5, 66, 9], [2, 4, 1, 259], [2, 3, 4, 5, 6], [2, 3, 1, 4, 9, 2]];

    private static readonly DataType[] s_types = [DataType.UInt8, DataType.Int8, DataType.Float16, DataType.Float32, DataType.Int64];

    public static TheoryData<string> Shapes => new(s_shapes.Select(shape => string.Join(',', shape)));

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Transpose_in_every_order(string shape)
    {
        var sizes = Sizes(shape);
        var orders = Orders([.. Enumerable.Range(0, sizes.Length)]).ToArray();
        // All orders of rank 4; of more axes some. The first is the operand's own.
        for (var i = 1; i < orders.Length; i += sizes.Length > 4 ? 7 : 1)
            Check(sizes, s_types[i % s_types.Length], (graph, x) => [graph.Add(new Transpose([.. orders[i]]), x)]);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_type_is_transposed(string shape)
    {
        foreach (var type in s_types) Check(Sizes(shape), type, (graph, x) => [graph.Add(new Transpose(), x)]);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Split_along_every_axis(string shape)
    {
        var sizes = Sizes(shape);
        for (var axis = 1; axis < sizes.Length; axis++)
            foreach (var type in s_types)
                Check(sizes, type, (graph, x) => graph.AddNode(new Split(axis - (axis % 2) * sizes.Length, 2, [sizes[axis] / 3, sizes[axis] - sizes[axis] / 3]), [x], "split").Outputs);
    }

    [Theory]
    [InlineData(1, 100, 1)]
    [InlineData(-3, 1000, 1)]
    [InlineData(0, -1, 2)]
    [InlineData(-1, -1000, -1)]
    [InlineData(100, 0, -2)]
    [InlineData(-1000, 1000, 3)]
    public void Slice_along_every_pair_of_axes(long start, long end, long step)
    {
        foreach (var sizes in s_shapes)
            for (var axis = 1; axis < sizes.Length; axis++)
                foreach (var type in s_types)
                    Check(sizes, type, (graph, x) =>
                    {
                        Value Vector(params long[] values) => graph.AddConstant("", Tensor.Vector(values));
                        // The last axis without its first element, then the one in question.
                        var inner = graph.Add(new Slice(), x, Vector(1), Vector(long.MaxValue / 2), Vector(-1));
                        return [graph.Add(new Slice(), inner, Vector(start), Vector(end), Vector(axis), Vector(step))];
                    });
    }

    private static int[] Sizes(string shape) => Array.ConvertAll(shape.Split(','), int.Parse);

    private static IEnumerable<int[]> Orders(int[] axes) =>
        axes.Length == 0 ? [[]] : axes.SelectMany(first => Orders([.. axes.Where(axis => axis != first)]).Select(rest => (int[])[first, .. rest]));

    private static void Check(int[] sizes, DataType type, Func<Graph, Value, IReadOnlyList<Value>> build)
    {
        var graph = new Graph("copies");
        var x = graph.AddInput("x", new TensorType(type, [Dim.Named("N"), .. sizes.Skip(1).Select(Dim.Of)]));
        foreach (var output in build(graph, x)) graph.AddOutput(output);
        var data = Tensor.Zeros(type, new Shape(sizes));
        new Random(sizes[^1]).NextBytes(data.Bytes);
        foreach (var threads in new[] { 1, 3 })
        {
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = sizes[0], TimeTactics = false, Literal = true }, TestDevice.At(Isa.Detected, threads));
            Assert.DoesNotContain(engine.Layers, layer => layer.Tactic == "reference");
            using var guarded = new GuardedRun(engine, threads);
            var got = guarded.RunAll(data);
            var want = GraphInterpreter.Run(graph, [data]);
            for (var i = 0; i < want.Length; i++) Assert.True(want[i].Bytes.SequenceEqual(got[i].Bytes), $"{type} {want[i].Shape}, output {i}, {threads} threads\n{graph}");
        }
    }
}
