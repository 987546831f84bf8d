using Pith.Benchmarking;

namespace Pith.Compression.Quantization;

/// <summary>Times the networks of a search that nothing beats in both accuracy and work, together with the float network, all in turn.</summary>
internal static class SearchFront
{
    // More would take longer than the search.
    private const int MostTrials = 7;

    /// <summary>Measures the front.</summary>
    /// <param name="result">The search.</param>
    /// <param name="reference">The float network.</param>
    /// <param name="variants">The network that the chosen trial is a variant of.</param>
    /// <param name="threads">Threads of a run; 0 for one per processor.</param>
    /// <param name="timing">Seconds for each network.</param>
    /// <param name="events">Receives progress.</param>
    /// <param name="cancellation">Stops between two runs.</param>
    public static IReadOnlyList<FrontPoint> Measure(SearchResult result, Graph reference, LayerVariants variants, int threads, BenchmarkSettings timing, IProgress<PithEvent>? events, CancellationToken cancellation)
    {
        var trials = Chosen(result);
        var cache = new TimingCache();
        var contexts = new List<EngineContext>();
        try
        {
            foreach (var graph in trials.Select(trial => variants.With(trial.FloatLayers).Graph).Prepend(reference))
            {
                cancellation.ThrowIfCancellationRequested();
                events?.Report(new ProgressMade("build the front", contexts.Count, trials.Count + 1));
                contexts.Add(EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 1, Threads = threads, TimingCache = cache }).CreateContext());
            }
            events?.Report(new ProgressMade("build the front", contexts.Count, contexts.Count));
            var results = Benchmark.Run(contexts, timing, "time the front", events, cancellation);
            return [.. results.Select((timed, i) =>
            {
                var ratio = SpeedRatio.Of(timed, results[0]);
                return i == 0 ? new FrontPoint("float", null, timed.MedianMs, 1, 1, 1) : new FrontPoint(NameOf(trials[i - 1], result), trials[i - 1], timed.MedianMs, ratio.Median, ratio.LowerQuartile, ratio.UpperQuartile);
            })];
        }
        finally
        {
            foreach (var context in contexts)
            {
                context.Dispose();
                context.Engine.Dispose();
            }
        }
    }

    private static string NameOf(SearchTrial trial, SearchResult result) =>
        trial == result.Chosen ? "chosen" : trial.FloatLayers.Count switch { 0 => "all INT8", 1 => "1 layer in float", var count => $"{count} layers in float" };

    /// <summary>The chosen trial, the one with all layers in INT8, and evenly spaced ones of those that no other beats in both, from most to least work in INT8.</summary>
    private static List<SearchTrial> Chosen(SearchResult result)
    {
        SearchTrial[] known = [.. result.Trials.Where(trial => trial.Activations == result.Chosen.Activations)];
        SearchTrial[] unbeaten = [.. known.Where(trial => !known.Any(other => other.Int8Share >= trial.Int8Share && other.Loss < trial.Loss || other.Int8Share > trial.Int8Share && other.Loss <= trial.Loss)).DistinctBy(trial => (trial.Int8Share, trial.Loss))];
        SearchTrial[] always = [.. new[] { known.First(trial => trial.FloatLayers.Count == 0), result.Chosen }.Distinct()];
        SearchTrial[] others = [.. unbeaten.Except(always).OrderByDescending(trial => trial.Int8Share)];
        var taken = Math.Min(others.Length, MostTrials - always.Length);
        return [.. always.Concat(Enumerable.Range(0, taken).Select(i => others[i * others.Length / taken])).OrderByDescending(trial => trial.Int8Share).ThenBy(trial => trial.FloatLayers.Count)];
    }
}
