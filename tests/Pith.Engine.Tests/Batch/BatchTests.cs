using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests.Batch;

/// <summary>
/// The batch in every axis of every op and fusion: an engine for up to four images gives what the interpreter gives at the same shape, at every batch that it accepts, by its fastest and by
/// its reference tactics.
/// </summary>
public class BatchTests
{
    private const int MaxBatch = 4;

    // Sizes beside the batch.
    private static readonly int[] s_sizes = [4, 6, 8];

    public static TheoryData<string> Forms => new(BatchForms.All.Keys);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Batch_in_every_axis(string form)
    {
        var built = 0;
        for (var axis = 0; axis < 4; axis++)
        {
            if (Build(form, axis) is not { } graph) continue;
            built++;
            foreach (var options in new EngineOptions[] { new(), new() { ReferenceOnly = true }, new() { Literal = true } }) Check(graph, options, null, $"{form}, batch in axis {axis}");
        }
        Assert.True(built > 0, $"'{form}' cannot be built with the batch in any axis");
    }

    public static TheoryData<CpuFeatures> Levels => [.. TestDevice.Levels];

    [Theory]
    [MemberData(nameof(Levels))]
    public void Batch_in_every_axis_on_every_instruction_set(CpuFeatures isa)
    {
        foreach (var form in BatchForms.All.Keys)
            for (var axis = 0; axis < 4; axis++)
                if (Build(form, axis) is { } graph) Check(graph, new EngineOptions(), isa, $"{form}, batch in axis {axis}, {isa}");
    }

    [Fact]
    public void Sizes_that_are_multiples_of_the_batch_run_at_every_batch()
    {
        foreach (var form in new[] { "conv", "matmul of rows with rows", "gemm of rows with rows", "quantized similarity", "merge first two", "softmax 0", "sum 0", "concat 0", "swap 0 and 1", "flatten after 0", "tile 0", "outer sum with itself" })
        {
            using var engine = EngineBuilder.Build(Build(form, 0)!, new EngineOptions { MaxBatch = MaxBatch, TimeTactics = false });
            Assert.False(engine.Network.Shapes.IsFixed, form);
        }
    }

    // The graph, or null where the op cannot have the batch in that axis.
    private static Graph? Build(string form, int axis)
    {
        var graph = new Graph(form);
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), s_sizes[0], s_sizes[1], s_sizes[2]));
        try
        {
            if (axis > 0) x = graph.Add(new Transpose([.. Enumerable.Range(1, axis), 0, .. Enumerable.Range(axis + 1, 3 - axis)]), x);
            var y = BatchForms.All[form](new BatchForms(graph, x, axis));
            graph.AddOutput(y);
            return graph;
        }
        catch (PithException)
        {
            return null;
        }
    }

    private static void Check(Graph graph, EngineOptions options, CpuFeatures? isa, string what)
    {
        options = options with { MaxBatch = MaxBatch, Threads = 2, TimeTactics = false };
        using var engine = isa is { } level ? EngineBuilder.Build(graph, options, TestDevice.At(level)) : EngineBuilder.Build(graph, options);
        using var context = engine.CreateContext();
        for (var batch = engine.Network.Shapes.IsFixed ? MaxBatch : 1; batch <= MaxBatch; batch++)
        {
            var random = new Random(batch);
            var input = Tensor.Zeros<float>(new Shape(batch, s_sizes[0], s_sizes[1], s_sizes[2]));
            foreach (ref var value in input.Span) value = random.Next(-64, 65) / 32f;
            // What an earlier, larger batch left in memory must not matter.
            context.Input<float>("x").Fill(float.NaN);
            context.SetInput("x", input);
            context.Run(batch);
            for (var i = 0; i < graph.Outputs.Count; i++)
                Same(GraphInterpreter.Run(graph, [input])[i], context.OutputTensor(graph.Outputs[i].Name), $"{what}, run at {batch}, {(options.ReferenceOnly ? "reference" : options.Literal ? "literal" : "engine")}");
        }
    }

    internal static void Same(Tensor want, Tensor got, string what)
    {
        Assert.True(want.Shape == got.Shape && want.DataType == got.DataType, $"{what}: expected {want}, got {got}");
        if (want is not Tensor<float> reals)
        {
            Assert.True(want.Bytes.SequenceEqual(got.Bytes), $"{what}: other integers");
            return;
        }
        for (var i = 0; i < reals.Length; i++)
            Expect.That(Math.Abs(reals.Data[i] - got.As<float>().Data[i]) <= 1e-5 + 1e-4 * Math.Abs(reals.Data[i]), $"{what}: element {i} of {want}: expected {reals.Data[i]}, got {got.As<float>().Data[i]}");
    }
}
