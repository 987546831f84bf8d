namespace Pith.Runtime;

/// <summary>Work that falls into independent parts.</summary>
internal interface IParallelBody
{
    /// <summary>Does one part. Parts write disjoint memory, so neither their order nor the thread matters.</summary>
    /// <param name="state">The run.</param>
    /// <param name="part">Which part, from 0.</param>
    /// <param name="worker">Which thread of the pool, from 0: selects scratch memory.</param>
    void RunPart(RunState state, int part, int worker);
}
