using System.Numerics;

namespace Pith.Benchmarking;

/// <summary>A query that can be answered again and again: one run of a network on inputs that are already in place. One caller at a time.</summary>
public interface IQuery
{
    /// <summary>Answers the query once.</summary>
    void Run();
}

/// <summary>What is timed: one or more streams that answer the same query side by side.</summary>
/// <param name="Batch">Images of one query.</param>
/// <param name="Streams">The streams; more than one run at the same time, each on a thread of its own. They stay the caller's.</param>
public sealed record BenchmarkTarget(int Batch, IReadOnlyList<IQuery> Streams)
{
    /// <summary>Seconds for which the target's threads go on spinning after a query, and so slow down whoever runs next. Pith's stop within 50 microseconds.</summary>
    public double LingersSeconds { get; init; }

    /// <summary>Streams of an engine, one per context; the inputs are filled with seeded noise, integers with 0 and 1.</summary>
    /// <param name="contexts">Contexts of one engine.</param>
    public static BenchmarkTarget Of(params IReadOnlyList<EngineContext> contexts)
    {
        ArgumentNullException.ThrowIfNull(contexts);
        foreach (var context in contexts) FillInputs(context);
        return new BenchmarkTarget(contexts[0].Engine.MaxBatch, [.. contexts.Select(context => new ContextQuery(context))]);
    }

    private static void FillInputs(EngineContext context)
    {
        var random = new Random(1);
        foreach (var (name, type) in context.Engine.Inputs)
        {
            switch (type.DataType)
            {
                case DataType.UInt8: random.NextBytes(context.Input<byte>(name)); break;
                case DataType.Float32: Fill(context.Input<float>(name), random); break;
                case DataType.Float16: Fill(context.Input<Half>(name), random); break;
                case DataType.Float64: Fill(context.Input<double>(name), random); break;
                // Token ids that every vocabulary has, and masks that hide some tokens.
                case DataType.Int64: FillBits(context.Input<long>(name), random); break;
                case DataType.Int32: FillBits(context.Input<int>(name), random); break;
            }
        }
    }

    private static void Fill<T>(Span<T> input, Random random) where T : INumberBase<T>
    {
        foreach (ref var x in input) x = T.CreateTruncating(random.NextSingle() * 4 - 2);
    }

    private static void FillBits<T>(Span<T> input, Random random) where T : INumberBase<T>
    {
        foreach (ref var x in input) x = T.CreateTruncating(random.Next(2));
    }

    private sealed class ContextQuery(EngineContext context) : IQuery
    {
        public void Run() => context.Run();
    }
}
