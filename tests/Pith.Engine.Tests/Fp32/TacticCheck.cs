using Pith.Kernels;
using Pith.Tactics;

namespace Pith.EngineTests;

/// <summary>Runs a graph with fast and with reference tactics, at several thread counts and batches.</summary>
internal static class TacticCheck
{
    private const int MaxBatch = 5;

    /// <summary>
    /// Requires that a layer runs with tactic <paramref name="tactic"/>, that its results agree with the reference within <paramref name="tolerance"/> (relative to the largest value of
    /// the output) and that 1 and 3 threads give the same bits. With <paramref name="bf16"/> fast tactics may round operands to bfloat16, and the reference gets rounded inputs.
    /// </summary>
    public static void Agrees(Graph graph, string tactic, double tolerance, int seed = 1, Func<string, Random, float>? fill = null, bool literal = false, bool bf16 = false, Device? device = null)
    {
        var options = new EngineOptions { MaxBatch = MaxBatch, Threads = 2, TimeTactics = false, Literal = literal };
        using var fast = EngineBuilder.Build(graph, options with { Bf16 = bf16 }, device ?? EngineBuilder.DeviceFor(options));
        using var reference = EngineBuilder.Build(graph, options with { ReferenceOnly = true });
        Assert.Contains(fast.Layers, layer => layer.Tactic == tactic);
        using var one = fast.CreateContext(1);
        using var three = fast.CreateContext(3);
        using var slow = reference.CreateContext(1);
        foreach (var batch in fast.Inputs.Any(input => !input.Type.IsStatic) ? new[] { MaxBatch, 2 } : [fast.MaxBatch])
        {
            foreach (var context in new[] { one, three, slow })
            {
                Fill(context, fast, new Random(seed), fill, rounds: bf16 && context == slow);
                context.Run(batch);
            }
            foreach (var (name, type) in fast.Outputs.Where(output => output.Type.DataType == DataType.Float32))
            {
                var (got, want) = (one.Output<float>(name).ToArray(), slow.Output<float>(name).ToArray());
                Assert.Equal(got, three.Output<float>(name).ToArray());
                var scale = Math.Max(1e-3, want.Max(Math.Abs));
                for (var i = 0; i < want.Length; i++)
                    Expect.That(Math.Abs(want[i] - got[i]) <= tolerance * scale, $"{tactic}, seed {seed}, batch {batch}, output '{name}' {type}, element {i}: expected {want[i]:R}, got {got[i]:R}");
            }
        }
    }

    private static void Fill(EngineContext context, Engine engine, Random random, Func<string, Random, float>? fill, bool rounds)
    {
        foreach (var (name, type) in engine.Inputs)
        {
            if (type.DataType == DataType.Int32)
            {
                foreach (ref var label in context.Input<int>(name)) label = random.Next(3);
                continue;
            }
            foreach (ref var value in context.Input<float>(name))
            {
                value = fill?.Invoke(name, random) ?? random.NextSingle() * 2 - 1;
                if (rounds) value = Bfloat16.Widen(Bfloat16.Round(value));
            }
        }
    }
}
