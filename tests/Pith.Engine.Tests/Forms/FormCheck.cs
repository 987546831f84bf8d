using Pith.EngineTests.Jit;
using Pith.Kernels;

namespace Pith.EngineTests.Forms;

/// <summary>Runs a small network by the engine at every instruction set and compares it with the ops' own definitions.</summary>
internal static class FormCheck
{
    private const int MaxBatch = 3;

    /// <summary>
    /// Requires that no layer runs as reference loops, that results agree with the interpreter within <paramref name="tolerance"/> of the largest value (0: all bits), and that two numbers of threads
    /// give the same bits.
    /// </summary>
    public static void Agrees(Func<Graph> make, double tolerance, int seed = 1)
    {
        foreach (var isa in TestDevice.Levels)
        {
            using var engine = EngineBuilder.Build(make(), new EngineOptions { MaxBatch = MaxBatch, TimeTactics = false }, TestDevice.At(isa, 3));
            var slow = engine.Layers.Where(layer => layer.Tactic == "reference").Select(layer => $"{layer.Name} {layer.Spec}").ToArray();
            Assert.True(slow.Length == 0, $"{isa}: reference loops: {string.Join("; ", slow)}");
            foreach (var batch in new[] { MaxBatch, 1 })
            {
                var inputs = Inputs(engine, batch, new Random(seed));
                var want = GraphInterpreter.Run(make(), inputs)[0];
                var got = Run(engine, inputs, batch, 3);
                Assert.True(got.AsSpan().SequenceEqual(Run(engine, inputs, batch, 1)), $"{isa}, batch {batch}: 1 and 3 threads give other bits");
                Equal(want, got, tolerance, $"{isa}, batch {batch}, seed {seed}");
            }
        }
    }

    /// <summary>Requires that an INT8 network runs without reference loops, gives the reference tactics' bits at every instruction set, and stays within a few steps of the interpreter.</summary>
    public static void AgreesInt8(Func<Graph> make, int seed = 1)
    {
        var options = new EngineOptions { MaxBatch = MaxBatch, TimeTactics = false };
        using var reference = EngineBuilder.Build(make(), options with { ReferenceOnly = true });
        var inputs = Inputs(reference, 2, new Random(seed));
        var expected = Run(reference, inputs, 2, 1);
        var interpreted = GraphInterpreter.Run(make(), inputs)[0].As<float>().Data;
        var (actual, largest) = (System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(expected).ToArray(), interpreted.Max(Math.Abs));
        Assert.True(actual.Zip(interpreted).Average(pair => Math.Abs(pair.First - pair.Second)) <= 0.002 * largest, $"seed {seed}: the lowered network is another than the graph");
        foreach (var isa in TestDevice.Levels)
        {
            using var engine = EngineBuilder.Build(make(), options, TestDevice.At(isa, 3));
            Assert.DoesNotContain(engine.Layers, layer => layer.Tactic == "reference");
            foreach (var threads in new[] { 1, 3 }) Assert.True(expected.AsSpan().SequenceEqual(Run(engine, inputs, 2, threads)), $"{isa}, {threads} threads, seed {seed}");
        }
    }

    private static Tensor[] Inputs(Engine engine, int batch, Random random) => [.. engine.Inputs.Select(input =>
    {
        var tensor = Tensor.Zeros<float>(new Shape([batch, .. input.Type.Dims.Skip(1).Select(dim => dim.Size)]));
        foreach (ref var value in tensor.Span) value = random.NextSingle() * 4 - 2;
        return (Tensor)tensor;
    })];

    private static byte[] Run(Engine engine, Tensor[] inputs, int batch, int threads)
    {
        using var context = engine.CreateContext(threads);
        for (var i = 0; i < inputs.Length; i++) inputs[i].As<float>().Data.CopyTo(context.Input<float>(engine.Inputs[i].Name));
        context.Run(batch);
        return System.Runtime.InteropServices.MemoryMarshal.AsBytes(context.Output<float>(engine.Outputs[0].Name)).ToArray();
    }

    private static void Equal(Tensor want, byte[] got, double tolerance, string repro)
    {
        var (expected, actual) = (want.As<float>().Data, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(got).ToArray());
        Assert.Equal(expected.Length, actual.Length);
        var bound = tolerance * Math.Max(1e-3, expected.Max(Math.Abs));
        for (var i = 0; i < expected.Length; i++)
            if (!(Math.Abs(expected[i] - actual[i]) <= bound)) Assert.Fail($"{repro}: element {i} is {actual[i]:R}, expected {expected[i]:R} within {bound:G3}");
    }
}
