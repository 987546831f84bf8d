using System.Diagnostics;
using Pith.Compression.Data;

namespace Pith.Serving;

/// <summary>One loaded version of a model: its engine, instances and queue. Disposing of it answers what is queued first.</summary>
internal sealed class ServedModel : IDisposable
{
    private readonly Engine _engine;
    private readonly ModelInstance[] _instances;
    private readonly BatchScheduler _scheduler;
    private readonly EncodedImages? _images;
    private readonly IReadOnlyList<string>[] _labels;

    private ServedModel(string name, long version, string stamp, string platform, string? folder, ModelConfig config, Engine engine, ServerOptions server, ModelStatistics statistics, ServingLog log)
    {
        (Name, Version, Stamp, Platform, Config, _engine, Statistics) = (name, version, stamp, platform, config, engine, statistics);
        Signature = new ModelSignature(name, engine);
        _images = EncodedImages.Of(engine, server.MaxImagePixels);
        _labels = Labels(folder, config, engine, Signature);
        Instances = config.Instances ?? server.Instances;
        Threads = ThreadsOf(config, server);
        var contexts = new List<EngineContext>();
        try
        {
            for (var i = 0; i < Instances; i++) contexts.Add(engine.CreateContext(Threads, config.Processors.Count == 0 ? null : config.Processors[i]));
            var sharesBatches = config.MaxBatch != 0 && Signature.IsStackable && RowProbe.RowsAreIndependent(Signature, contexts[0]);
            if (!sharesBatches) RunOnce(contexts[0]);
            var policy = PolicyOf(sharesBatches, config, server);
            if (LaneProbe.CanHaveLanes(Signature, policy, Instances, Threads))
            {
                for (var i = 0; i < Threads; i++) contexts.Add(engine.CreateContext(1));
                if (LaneProbe.LanesAreFaster(Signature, contexts, policy.LargestBatch)) policy = policy with { Lanes = Threads };
                for (; contexts.Count > Instances + policy.Lanes; contexts.RemoveAt(contexts.Count - 1)) contexts[^1].Dispose();
            }
            _scheduler = new BatchScheduler(name, policy, statistics, Instances);
        }
        catch
        {
            foreach (var context in contexts) context.Dispose();
            throw;
        }
        _instances = [.. contexts.Select((context, i) => new ModelInstance(i, context, Signature, _scheduler, statistics, log, config.Processors.Count == 0 ? null : config.Processors[i][0]))];
    }

    public string Name { get; }

    public long Version { get; }

    /// <summary>What the files looked like that it was loaded from.</summary>
    public string Stamp { get; }

    /// <summary>The protocol's name of the kind of file.</summary>
    public string Platform { get; }

    public ModelConfig Config { get; }

    public ModelSignature Signature { get; }

    public ModelStatistics Statistics { get; }

    public int Instances { get; }

    /// <summary>Threads of each instance.</summary>
    public int Threads { get; }

    public BatchingPolicy Policy => _scheduler.Policy;

    /// <summary>The largest batch as configurations state it: 0 where the batch is not the first size of everything.</summary>
    public int ConfiguredMaxBatch => Config.MaxBatch == 0 || !Signature.IsStackable ? 0 : LargestBatch(Config, Signature);

    /// <summary>Loads a version.</summary>
    /// <exception cref="PithException">A file is missing, damaged or not supported, or the configuration does not fit the network.</exception>
    public static ServedModel Load(ModelSource source, long version, ModelConfig config, EngineStore store, ServerOptions server, ModelStatistics statistics, ServingLog log)
    {
        var begin = Stopwatch.GetTimestamp();
        var files = source.Versions[version];
        var path = files.ModelPath(config.FileName);
        var (engine, origin) = store.Open(source.Name, version, path, new EngineRequest(config.MaxBatch is { } batch and > 0 ? batch : server.MaxBatch, ThreadsOf(config, server), server.TimeTactics, config.Inputs));
        try
        {
            ConfigCheck.Require(source.Name, config, engine);
            var model = new ServedModel(source.Name, version, files.Stamp, ModelSource.IsPlan(path) ? "pith_plan" : "onnxruntime_onnx", source.Folder, config, engine, server, statistics, log);
            var batching = model.Policy.LargestBatch > 1 ? $"batches of up to {model.Policy.LargestBatch}" : "requests run alone";
            log.Loaded(source.Name, version, Stopwatch.GetElapsedTime(begin).TotalSeconds, $"{origin}, {batching}, {model.Instances} x {model.Threads} threads{(model.Policy.Lanes > 0 ? ", one thread a request when many wait" : "")}");
            return model;
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    /// <summary>Turns image files in the place of the network's input into it.</summary>
    /// <exception cref="RequestException">They cannot be.</exception>
    public async ValueTask<IReadOnlyList<RequestTensor>> DecodeAsync(IReadOnlyList<RequestTensor> inputs, CancellationToken cancellation)
    {
        if (!inputs.Any(input => input.DataType == WireType.Bytes)) return inputs;
        if (_images is null) throw RequestException.Invalid($"Model '{Name}' takes {string.Join(", ", Signature.Inputs.Select(input => $"'{input.Name}' {input}"))}; image files as BYTES need preprocessing in the model's metadata. Set it with 'pith quantize --preprocess' or any other verb that takes the option.");
        return inputs is [var only] && only.Name == Signature.Inputs[0].Name
            ? [await _images.DecodeAsync(only, cancellation).ConfigureAwait(false)]
            : throw RequestException.Invalid($"Model '{Name}' takes image files in its input '{Signature.Inputs[0].Name}', got {string.Join(", ", inputs.Select(input => $"'{input.Name}'"))}.");
    }

    /// <inheritdoc cref="BatchScheduler.WouldRefuse"/>
    public bool WouldRefuse(long arrivedAt) => _scheduler.WouldRefuse(arrivedAt);

    /// <summary>Runs a request here and now, when that is faster than to queue it.</summary>
    /// <returns>The data of each output, in the model's order; null when it has to be queued.</returns>
    /// <exception cref="RequestException">The network could not be run.</exception>
    public byte[][]? TryRun(PendingRequest request) => _scheduler.TryBorrow(request) is { } instance ? _instances[instance].RunBorrowed(request) : null;

    /// <summary>Queues a request.</summary>
    /// <returns>False when this version is being unloaded or replaced.</returns>
    /// <exception cref="RequestException">The queue is full.</exception>
    public bool TryQueue(PendingRequest request) => _scheduler.TryAdd(request);

    public RequestException QueueIsFull() => _scheduler.QueueIsFull();

    /// <inheritdoc cref="BatchScheduler.Delivered"/>
    public void Delivered(PendingRequest request) => _scheduler.Delivered(request);

    public void Cancel(PendingRequest request, CancellationToken cancellation) => _scheduler.Cancel(request, cancellation);

    /// <summary>An answer's tensor: the output's elements, or its largest classes.</summary>
    public ResponseTensor Output(RequestedOutput wanted, int index, byte[] data, int rows)
    {
        var slot = Signature.Outputs[index];
        var tensor = new ResponseTensor(slot.Name, slot.DataType, slot.ShapeAt(rows), data, wanted.IsBinary);
        return wanted.Classes == 0 ? tensor : Classification.Of(tensor, slot.Type.DataType, wanted.Classes, _labels[index]);
    }

    /// <summary>Takes no more requests, answers those that wait, and frees the engine.</summary>
    public void Dispose()
    {
        _scheduler.Stop();
        foreach (var instance in _instances) instance.Dispose();
        _scheduler.Dispose();
        _engine.Dispose();
    }

    private static int ThreadsOf(ModelConfig config, ServerOptions server)
    {
        if (config.Threads is { } threads) return threads;
        if (config.Processors.Count > 0) return config.Processors[0].Length;
        return server.Threads > 0 ? server.Threads : Math.Max(1, Environment.ProcessorCount / (config.Instances ?? server.Instances));
    }

    private static int LargestBatch(ModelConfig config, ModelSignature signature) => Math.Min(config.MaxBatch is { } most and > 0 ? most : signature.MaxBatch, signature.MaxBatch);

    private BatchingPolicy PolicyOf(bool sharesBatches, ModelConfig config, ServerOptions server)
    {
        var largest = sharesBatches ? LargestBatch(config, Signature) : 1;
        return new BatchingPolicy
        {
            LargestBatch = largest,
            Preferred = [.. config.PreferredBatches.Where(batch => batch <= largest)],
            Delay = largest == 1 ? TimeSpan.Zero : config.QueueDelay > TimeSpan.Zero ? config.QueueDelay : server.QueueDelay,
            QueueLimit = config.QueueLimit ?? server.QueueLimit,
            Timeout = config.Timeout ?? server.Timeout,
            LendsInstances = config.Processors.Count == 0,
            AllowTimeoutOverride = config.AllowTimeoutOverride ?? config.Timeout is null,
        };
    }

    // The first run touches all memory: nobody should wait for that.
    private void RunOnce(EngineContext context) => context.Run(Signature.TakesAnyBatch ? Signature.MinBatch : Signature.MaxBatch);

    // Of the configuration's file, else those that the model carries, which are of its first output.
    private static IReadOnlyList<string>[] Labels(string? folder, ModelConfig config, Engine engine, ModelSignature signature)
    {
        var carried = ClassLabels.Of(engine.Metadata);
        return [.. signature.Outputs.Select((output, i) => folder is not null && config.Outputs.FirstOrDefault(known => known.Name == output.Name)?.LabelFile is { } file ? ClassLabels.Read(Path.Combine(folder, file)) : i == 0 ? carried : [])];
    }
}
