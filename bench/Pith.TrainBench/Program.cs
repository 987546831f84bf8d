using System.Diagnostics;
using System.Globalization;
using Pith;
using Pith.Benchmarking;
using Pith.Compression.Data;
using Pith.Compression.Quantization;
using Pith.Compression.Training;
using Pith.Models;
using Pith.Passes;

// Times training steps of a built-in network on one batch of random images: forward, loss, backward, optimiser. The same work as bench/Pith.TorchBench. With qat, the network has Q/DQ pairs, all activations with one scale.
if (args is ["loader", var data, var loaded, var duration, ..] && int.TryParse(loaded, out var loadedBatch) && double.TryParse(duration, NumberStyles.Float, CultureInfo.InvariantCulture, out var limit))
    return LoaderBench.Run(data, loadedBatch, limit, args.Length > 4 ? args[4] : "resized-crop");
if (args.Length < 3 || !int.TryParse(args[1], out var batchSize) || !double.TryParse(args[2], NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds))
{
    Console.Error.WriteLine("Usage: Pith.TrainBench NETWORK BATCH SECONDS [bf16] [qat] [selective|full] [profile|layers]   SECONDS 0: only what memory is planned; bf16: operands of products rounded; qat: with fake quantization; selective, full: what is computed again; profile: milliseconds by kind of layer; layers: of each layer.\n   or: " + LoaderBench.Usage);
    return 2;
}
var isQuantized = args.Contains("qat");
var detail = args[^1] is "profile" or "layers" ? args[^1] : "";
var description = ModelCatalog.Find(args[0]);
var recompute = args.Contains("full") ? RecomputeMode.Full : args.Contains("selective") ? RecomputeMode.Selective : RecomputeMode.None;
var settings = new TrainingSettings { BatchSize = batchSize, Recompute = recompute, Precision = args.Contains("bf16") ? TrainingPrecision.Bf16 : TrainingPrecision.Fp32 };
using var session = new TrainingSession(Network(), settings, new TrainingOptions(), freezeNorm: false);
var name = $"{args[0]}{(args.Contains("bf16") ? " bf16" : "")}{(isQuantized ? " qat" : "")}{(recompute == RecomputeMode.None ? "" : $" recompute {recompute}")} batch {batchSize}";
var planned = string.Create(CultureInfo.InvariantCulture, $"activations {session.Context.Engine.ActivationBytes / 1e6:F0} MB");
if (seconds == 0)
{
    Console.WriteLine($"pith  {name}: {planned}");
    return 0;
}
var batch = new Batch(batchSize, new ImageShape(3, description.Resolution, description.Resolution)) { Count = batchSize };
var random = new Random(1);
foreach (ref var pixel in batch.ImagesInUse) pixel = random.NextSingle() * 2 - 1;
for (var i = 0; i < batchSize; i++) batch.Labels[i] = random.Next(description.Classes);

long step = 0;
var loss = 0f;
for (var i = 0; i < 2; i++) loss = session.Step(batch, ++step, 0.01).Loss;
var times = new List<double>();
var cpu = Environment.CpuUsage.TotalTime;
var clock = Stopwatch.StartNew();
while (clock.Elapsed.TotalSeconds < seconds || times.Count < 3)
{
    var start = Stopwatch.GetTimestamp();
    loss = session.Step(batch, ++step, 0.01).Loss;
    times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
}
var cpuMilliseconds = (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds / (times.Count * batchSize);
times.Sort();
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"pith  {name}: median {batchSize / times[times.Count / 2]:F1} images/s, best {batchSize / times[0]:F1}, worst {batchSize / times[^1]:F1}, {times.Count} steps, {cpuMilliseconds:F2} ms of a processor for an image, loss {loss:F3}; {planned}, peak of the process {ProcessMemory.PeakResidentBytes() / 1e6:F0} MB"));
if (detail.Length == 0) return 0;

// The least of some runs: the machine may be busy.
var context = session.Context;
var layers = context.Engine.Layers;
var least = Enumerable.Range(0, 4).Select(_ => context.Profile(batchSize).Select(layer => layer.Seconds).ToArray()).Aggregate((a, b) => [.. a.Zip(b, Math.Min)]);
var total = least.Sum();
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"engine {total * 1e3:F1} ms of a step of {1e3 * times[0]:F1} ms"));
var groups = layers.Zip(least).GroupBy(layer => detail == "layers" ? $"{layer.First.Name}: {layer.First.Spec}" : Work(layer.First))
    .Select(group => (group.Key, Seconds: group.Sum(layer => layer.Second), Macs: (double)group.Sum(layer => layer.First.Macs), Tactics: string.Join(' ', group.Select(layer => layer.First.Tactic).Distinct()), Count: group.Count()));
foreach (var (key, time, macs, tactics, count) in groups.OrderByDescending(group => group.Seconds).Take(70))
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{time * 1e3,9:F2} ms {time / total,6:P1} {batchSize * macs / time / 1e9,5:F0} GMAC/s  {count,3} x {key}   [{tactics}]"));
return 0;

Graph Network()
{
    var graph = description.Build(new ModelOptions { Seed = 1 });
    if (!isQuantized) return graph;
    PassRunner.RunToFixpoint(graph, Pipelines.SimplifyKeepingBatchNorm);
    var quantization = new QuantizationSettings();
    var ranges = QdqPlacement.Find(graph.Clone(), quantization).Activations.ToDictionary(activation => activation.Value.Name, _ => QuantizationParameters.FromScale(1f / 16));
    return FakeQuantization.With(graph, quantization, ranges, []).Graph;
}

static string Work(LayerInfo layer)
{
    var spec = layer.Spec.ToString();
    return layer.Spec.Kind == LayerKind.Op ? spec[(spec.IndexOf('|', StringComparison.Ordinal) + 2)..].Split('(')[0] : layer.Spec.Kind + (spec.Contains("turned", StringComparison.Ordinal) ? " (input gradient)" : "");
}
