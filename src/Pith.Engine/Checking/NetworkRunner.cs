using Pith.Tactics;

namespace Pith;

/// <summary>One way to compute a network's outputs from whole tensors, whatever their batch. One caller at a time.</summary>
public abstract class NetworkRunner : IDisposable
{
    private protected NetworkRunner(string name) => Name = name;

    /// <summary>What reports call it: <c>interpreter</c>, <c>reference</c>, <c>engine</c>.</summary>
    public string Name { get; }

    /// <summary>Computes all outputs.</summary>
    /// <param name="fed">The graph and its inputs; the sizes of symbolic dimensions are those of the tensors.</param>
    /// <returns>One tensor per graph output, in order.</returns>
    /// <exception cref="PithException">The tensors do not fit, or the network cannot be run in this way.</exception>
    public abstract IReadOnlyList<Tensor> Run(FedGraph fed);

    /// <summary>Each op by plain loops: the specification.</summary>
    public static NetworkRunner Interpreter() => new InterpreterRunner();

    /// <summary>The fused layers of an engine, each by its reference kernel.</summary>
    /// <param name="options">As for <see cref="Engine(EngineOptions?)"/>.</param>
    public static NetworkRunner Reference(EngineOptions? options = null) => new EngineRunner("reference", (options ?? new EngineOptions()) with { ReferenceOnly = true });

    /// <summary>The engine with the kernels that it is made for, chosen by estimate.</summary>
    /// <param name="options">
    /// Threads and the like. An engine is built for <see cref="EngineOptions.MaxBatch"/>, or for the batch of the data when that is larger or the network runs at one batch only.
    /// </param>
    public static NetworkRunner Engine(EngineOptions? options = null) => new EngineRunner("engine", options ?? new EngineOptions());

    /// <summary>An engine on a device that may offer less than this machine.</summary>
    internal static NetworkRunner Engine(string name, EngineOptions options, Device device) => new EngineRunner(name, options, device);

    /// <summary>Frees what the runner holds.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what a derived runner holds.</summary>
    protected virtual void Dispose(bool disposing) { }

    private sealed class InterpreterRunner() : NetworkRunner("interpreter")
    {
        public override IReadOnlyList<Tensor> Run(FedGraph fed)
        {
            _ = SymbolSizes.Of([.. fed.Graph.Inputs.Select(input => (input.Name, input.Type))], fed.Inputs);
            return GraphInterpreter.Run(fed.Graph, fed.Inputs);
        }
    }
}
