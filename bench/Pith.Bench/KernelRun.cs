namespace Pith.Bench;

/// <summary>Part of a kernel's work that threads may share: items [0, Items), finished before the next phase starts.</summary>
internal sealed record Phase(int Items, long WorkspaceFloats, WorkRange Run);

/// <summary>Computes items [begin, end) with scratch memory of the calling thread.</summary>
internal unsafe delegate void WorkRange(int begin, int end, float* workspace);

/// <summary>A kernel with its operands, ready to be timed.</summary>
/// <param name="Flops">Multiplies and adds of one run; 0 where the kernel is bound by memory.</param>
/// <param name="Bytes">Operand bytes that one run reads and writes at least.</param>
internal sealed record KernelRun(double Flops, double Bytes, IReadOnlyList<Phase> Phases);
