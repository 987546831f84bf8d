using System.Diagnostics;
using Pith.Benchmarking;
using Pith.Cli.Peers;

namespace Pith.Cli.Verbs;

/// <summary>One network in one engine: what is timed, and what it is called in reports.</summary>
/// <param name="Name">The model as the user named it; for a peer with the peer's name before it.</param>
/// <param name="Target">The streams.</param>
/// <param name="FirstOutput">Reads the first output of the first stream after a run, at the whole batch; null when it is not float.</param>
internal sealed record BenchEntry(string Name, BenchmarkTarget Target, Func<Tensor<float>?> FirstOutput);

/// <summary>The entries of one call of <c>pith bench</c>, all on the same input, with everything that must be freed after it.</summary>
/// <param name="streams">Streams of each entry.</param>
/// <param name="threads">Threads of each stream.</param>
/// <param name="processors">What the threads of the only stream are bound to; null for nothing.</param>
/// <param name="size">The size of the images for networks that leave it open.</param>
internal sealed class BenchEntries(int streams, int threads, IReadOnlyList<int>? processors = null, InputSize? size = null) : IDisposable
{
    private readonly Stack<IDisposable> _owned = new();
    private readonly List<BenchEntry> _entries = [];

    /// <summary>The entries in the order in which they were added.</summary>
    public IReadOnlyList<BenchEntry> All => _entries;

    /// <summary>The first stream of the entry that was added first.</summary>
    public EngineContext? First { get; private set; }

    /// <summary>Seconds from opening the first model to its first answer: building or loading, a context, one run.</summary>
    public double FirstAnswerSeconds { get; private set; }

    /// <summary>Adds a network or plan, run by Pith.</summary>
    /// <exception cref="PithException">It cannot be built.</exception>
    public void Add(string model, EngineOptions options, IProgress<PithEvent> events)
    {
        var begin = Stopwatch.GetTimestamp();
        var engine = Own(EngineFile.Open(model, options, events, size));
        var contexts = Enumerable.Range(0, streams).Select(_ => Own(engine.CreateContext(threads, processors))).ToArray();
        if (First is null)
        {
            First = contexts[0];
            First.Run();
            FirstAnswerSeconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        }
        var output = engine.Outputs[0];
        _entries.Add(new BenchEntry(model, BenchmarkTarget.Of(contexts), () => output.Type.DataType == DataType.Float32 ? contexts[0].OutputTensor(output.Name).As<float>() : null));
    }

    /// <summary>Adds a model, run by ONNX Runtime on the input of the first entry; each stream has a session and threads of its own, as Pith's have.</summary>
    /// <exception cref="PithException">The library or the model cannot be loaded, or the model takes another input.</exception>
    public void AddOnnxRuntime(string library, string model)
    {
        if (!File.Exists(model)) throw new PithException($"There is no file '{model}' for ONNX Runtime.");
        var runtime = Own(OnnxRuntime.Load(library));
        var first = First ?? throw new InvalidOperationException("A peer is added after the network that it is compared with.");
        var sessions = Enumerable.Range(0, streams).Select(_ => Own(new OnnxRuntimeSession(runtime, model, first.Engine.MaxBatch, threads, [.. first.Engine.Inputs.Select(input => input.Type)]))).ToArray();
        foreach (var session in sessions) CopyInputs(first, session, model);
        _entries.Add(new BenchEntry($"onnxruntime {runtime.Version}: {model}", new BenchmarkTarget(first.Engine.MaxBatch, sessions) { LingersSeconds = OnnxRuntimeSession.LingersSeconds }, sessions[0].FirstOutput));
    }

    /// <summary>Frees contexts before engines and sessions before their library.</summary>
    public void Dispose()
    {
        while (_owned.TryPop(out var owned)) owned.Dispose();
    }

    private static void CopyInputs(EngineContext from, OnnxRuntimeSession to, string model)
    {
        var inputs = from.Engine.Inputs;
        if (inputs.Count != to.Inputs.Count) throw new PithException($"'{model}' has {to.Inputs.Count} inputs, the network that it is compared with has {inputs.Count}.");
        for (var i = 0; i < inputs.Count; i++)
        {
            switch (inputs[i].Type.DataType)
            {
                case DataType.Float32: to.SetInput<float>(i, from.Input<float>(inputs[i].Name)); break;
                case DataType.Float16: to.SetInput<Half>(i, from.Input<Half>(inputs[i].Name)); break;
                case DataType.Float64: to.SetInput<double>(i, from.Input<double>(inputs[i].Name)); break;
                case DataType.UInt8: to.SetInput<byte>(i, from.Input<byte>(inputs[i].Name)); break;
            }
        }
    }

    private T Own<T>(T disposable) where T : IDisposable
    {
        _owned.Push(disposable);
        return disposable;
    }
}
