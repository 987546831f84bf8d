using Pith.Benchmarking;

namespace Pith.Cli.Reporting;

/// <summary>The files that <c>pith bench</c> exports: JSON, written whole or not at all.</summary>
internal static class BenchFiles
{
    /// <summary>Every timed query of every engine: when it started since the benchmark began, and how long it took.</summary>
    public static void WriteTimes(string path, BenchReport report) => Write(path, new
    {
        Machine = MachineDescription.Text,
        report.Threads,
        Engines = report.Rows.Select(row => new
        {
            Model = row.Engine,
            row.Result.Batch,
            row.Result.Streams,
            Times = row.Result.Samples.Select(sample => new { sample.Block, sample.Stream, StartMs = 1e3 * sample.StartSeconds, LatencyMs = 1e3 * sample.Seconds }),
        }),
    });

    public static void WriteProfile(string path, string model, int batch, int threads, IReadOnlyList<LayerResult> layers) =>
        Write(path, new { Model = model, Machine = MachineDescription.Text, Batch = batch, Threads = threads, Layers = layers });

    public static void WriteLayerInfo(string path, string model, Engine engine) =>
        Write(path, new { Model = model, Machine = MachineDescription.Text, engine.MaxBatch, engine.WeightBytes, engine.ActivationBytes, engine.Layers });

    private static void Write(string path, object content) => AtomicFile.WriteText(path, JsonText.Of(content) + "\n");
}
