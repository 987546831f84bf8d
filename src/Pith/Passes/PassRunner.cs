namespace Pith.Passes;

/// <summary>Runs pipelines: each pass in order, the whole list again until nothing changes, the graph verified after each change.</summary>
public static class PassRunner
{
    // A pipeline that has not settled by then rewrites back and forth, which is a bug in a pass.
    private const int MaxSweeps = 50;

    /// <summary>Applies <paramref name="passes"/> until a whole sweep changes nothing.</summary>
    /// <param name="graph">The graph to change.</param>
    /// <param name="passes">The ordered list.</param>
    /// <param name="events">Receives one <see cref="PassApplied"/> per pass that changed something.</param>
    /// <exception cref="PithException">A pass left the graph inconsistent.</exception>
    public static void RunToFixpoint(Graph graph, IReadOnlyList<Pass> passes, IProgress<PithEvent>? events = null)
    {
        for (var sweep = 0; sweep < MaxSweeps; sweep++)
        {
            var changes = 0;
            foreach (var pass in passes) changes += RunOnce(graph, pass, events);
            if (changes == 0) return;
        }
        throw new InvalidOperationException($"The passes {string.Join(", ", passes.Select(pass => pass.Name))} did not settle on graph '{graph.Name}' within {MaxSweeps} sweeps.");
    }

    /// <summary>Applies one pass once and verifies the graph when it changed.</summary>
    /// <returns>The number of places changed.</returns>
    public static int RunOnce(Graph graph, Pass pass, IProgress<PithEvent>? events = null)
    {
        var changes = pass.Apply(graph);
        if (changes == 0) return 0;
        try
        {
            GraphVerifier.Verify(graph);
        }
        catch (PithException broken)
        {
            throw new InvalidOperationException($"Pass {pass.Name} left graph '{graph.Name}' inconsistent: {broken.Message}", broken);
        }
        events?.Report(new PassApplied(pass.Name, changes));
        return changes;
    }
}
