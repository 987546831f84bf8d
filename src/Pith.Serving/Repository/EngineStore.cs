using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Pith.Benchmarking;
using Pith.Compression.Quantization;

namespace Pith.Serving;

/// <summary>What an engine is built for.</summary>
/// <param name="MaxBatch">The largest batch.</param>
/// <param name="Threads">Threads of each context.</param>
/// <param name="TimeTactics">Whether kernels are timed; null: where that cannot change results.</param>
/// <param name="Inputs">Sizes that the configuration gives to inputs which leave them open.</param>
internal sealed record EngineRequest(int MaxBatch, int Threads, bool? TimeTactics, IReadOnlyList<ConfiguredTensor> Inputs);

/// <summary>
/// Opens engines. What is built from an ONNX file is kept as a plan, with the timings of its kernels, and loaded from there until the network, its metadata, the settings, the machine or Pith change. Files
/// are written whole or not at all; one that is damaged, or a folder that cannot be written, costs another build and nothing else.
/// </summary>
/// <param name="folder">Where plans are kept; null: they are not kept.</param>
/// <param name="log">Receives what went wrong with the cache.</param>
internal sealed class EngineStore(string? folder, ServingLog log)
{
    private const string Int8 = "int8";

    /// <summary>Loads a plan, or builds an ONNX file or loads what was built of it.</summary>
    /// <returns>The engine and a word on where it came from.</returns>
    /// <exception cref="PithException">The file is missing, damaged or not supported.</exception>
    public (Engine Engine, string Origin) Open(string model, long version, string path, EngineRequest request)
    {
        var events = new Notes(model, log);
        if (ModelSource.IsPlan(path)) return (Engine.Load(path, events: events), "plan");
        var graph = OnnxModel.Load(path, new OnnxImportOptions { Sizes = Sizes(path, request.Inputs) });
        var options = new EngineOptions { MaxBatch = request.MaxBatch, Threads = request.Threads };
        // Sums of floats may be added in another order by another kernel; sums of integers may not differ.
        options = options with { TimeTactics = request.TimeTactics ?? EngineBuilder.Describe(graph, options).All(layer => layer.Macs == 0 || layer.Precision == Int8) };
        if (folder is null) return (EngineBuilder.Build(graph, options, events), "built");
        var plan = Path.Combine(folder, model, version.ToString(CultureInfo.InvariantCulture), Key(graph, options) + ModelSource.PlanSuffix);
        return Cached(model, plan) is { } cached ? (cached, "built before") : (Build(model, graph, options, plan, events), "built");
    }

    private Engine? Cached(string model, string plan)
    {
        if (!File.Exists(plan)) return null;
        try
        {
            return Engine.Load(plan);
        }
        catch (PithException failure)
        {
            log.Note(model, $"{failure.Message} It is built again.");
            return null;
        }
    }

    private Engine Build(string model, Graph graph, EngineOptions options, string plan, Notes events)
    {
        var timings = Path.Combine(folder!, "timings.json");
        var cache = Timings(model, timings);
        var engine = EngineBuilder.Build(graph, options with { TimingCache = cache }, events);
        try
        {
            engine.Save(plan);
            if (cache.Count > 0) cache.Save(timings);
            // Plans of what this version was before.
            foreach (var old in Directory.EnumerateFiles(Path.GetDirectoryName(plan)!).Where(file => file != plan)) File.Delete(old);
        }
        catch (Exception failure) when (failure is PithException or IOException or UnauthorizedAccessException)
        {
            log.Note(model, $"the engine is not kept: {failure.Message}");
        }
        return engine;
    }

    private TimingCache Timings(string model, string path)
    {
        try
        {
            return File.Exists(path) ? TimingCache.Load(path) : new TimingCache();
        }
        catch (PithException failure)
        {
            log.Note(model, failure.Message);
            return new TimingCache();
        }
    }

    // Sizes other than the batch that the file leaves open and the configuration gives.
    private static Dictionary<string, int> Sizes(string path, IReadOnlyList<ConfiguredTensor> configured)
    {
        var sizes = new Dictionary<string, int>(StringComparer.Ordinal);
        if (configured.Count == 0) return sizes;
        foreach (var (name, type) in OnnxModel.ReadInputs(path))
        {
            if (configured.FirstOrDefault(input => input.Name == name) is not { } input) continue;
            var skipped = type.Rank - input.Dims.Count;
            if (skipped is not (0 or 1)) continue;
            for (var axis = Math.Max(1, skipped); axis < type.Rank; axis++)
                if (type[axis].Symbol is { } symbol && input.Dims[axis - skipped] is > 0 and <= int.MaxValue and var size) sizes[symbol] = (int)size;
        }
        return sizes;
    }

    private static string Key(Graph graph, EngineOptions options)
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{PithVersion.Text}\n{MachineDescription.Text}\n{options.MaxBatch} {options.Threads} {options.TimeTactics}\n{ModelHash.Of(graph)}\n"));
        foreach (var (key, value) in graph.Metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal)) text.Append(CultureInfo.InvariantCulture, $"{key.Length}:{key}={value.Length}:{value}\n");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 16));
    }

    private sealed class Notes(string model, ServingLog log) : IProgress<PithEvent>
    {
        public void Report(PithEvent value)
        {
            if (value is Warning warning) log.Note(model, warning.Message);
        }
    }
}
