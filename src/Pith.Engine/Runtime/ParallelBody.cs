namespace Pith.Runtime;

/// <summary>Work of a layer that has several kinds of it, each a method with the parameters of <see cref="IParallelBody.RunPart"/>. Made once, when the layer is built.</summary>
internal sealed class ParallelBody(Action<RunState, int, int> runPart) : IParallelBody
{
    public void RunPart(RunState state, int part, int worker) => runPart(state, part, worker);
}
