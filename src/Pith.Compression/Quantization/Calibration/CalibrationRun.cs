using System.Globalization;
using Pith.Compression.Data;
using Pith.Compression.Distribution;
using Pith.Kernels;

namespace Pith.Compression.Quantization;

/// <summary>
/// Runs the calibration set once through the float network and collects the statistics of all tensors: every calibrator can then be applied without
/// running it again. Each thread runs batches of its own in an engine context of its own; the result does not depend on how many there are. Ranks run slices in turn and add up what they have counted.
/// </summary>
public static class CalibrationRun
{
    /// <summary>The number of samples that calibration observes unless told otherwise.</summary>
    public const int DefaultSamples = 512;

    /// <summary>Observes <paramref name="tensors"/> over the first samples of <paramref name="data"/>.</summary>
    /// <param name="graph">The float network in inference form; not changed.</param>
    /// <param name="tensors">Names of values of the graph; see <see cref="QdqPlacement.Activations"/>.</param>
    /// <param name="data">Which samples, and how many.</param>
    /// <param name="events">Receives <see cref="ProgressMade"/>.</param>
    /// <exception cref="PithException">There are fewer samples, they do not fit the network, or a value is not finite.</exception>
    public static ActivationStatistics Observe(Graph graph, IReadOnlyCollection<string> tensors, CalibrationData data, IProgress<PithEvent>? events = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(data);
        if (data.Samples < 1) throw new PithException($"Calibration needs at least one sample, {data.Samples} were asked for.");
        var input = INetworkInputs.Of(graph);
        var group = data.Group;
        GroupAgreement.Require(group, () =>
        [
            ("version of Pith", PithVersion.Text), ("instruction set", $"{Isa.Current}"), ("network", ModelHash.Of(graph)), ("choice of tensors and samples", string.Create(CultureInfo.InvariantCulture, $"{data.Samples} in {data.BatchSize}: {string.Join(' ', tensors)}")),
        ]);
        var threads = data.Threads > 0 ? data.Threads : group.Threads > 0 ? group.Threads : Environment.ProcessorCount;
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = input.FixedBatch ?? data.BatchSize, Threads = 1, Observed = tensors, TimeTactics = false });
        using var queue = new CalibrationQueue(data, events);
        var workers = Enumerable.Range(0, threads).Select(_ => new CalibrationWorker(engine, input, tensors, queue)).ToArray();
        try
        {
            Task.WaitAll([.. workers.Select(worker => Task.Factory.StartNew(worker.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))]);
        }
        finally
        {
            foreach (var worker in workers) worker.Dispose();
        }
        queue.ThrowIfFailed();
        var all = workers[0].Statistics;
        foreach (var worker in workers[1..]) all.Merge(worker.Statistics);
        all.MergeOver(group);
        all.ClassesSeen = queue.ClassesSeen;
        return all;
    }
}
