using Pith.Kernels;

namespace Pith.Fuzz.Differential;

/// <summary>A network and what it is run on.</summary>
/// <param name="Graph">The network, with one input.</param>
/// <param name="Inputs">Its inputs, run by run, each with a batch of its own.</param>
/// <param name="MaxBatch">The batch that engines are built for.</param>
/// <param name="Threads">Threads of engines.</param>
/// <param name="Isa">The instruction set that kernels may use.</param>
internal sealed record NetworkRun(Graph Graph, IReadOnlyList<Tensor> Inputs, int MaxBatch, int Threads, CpuFeatures Isa);
