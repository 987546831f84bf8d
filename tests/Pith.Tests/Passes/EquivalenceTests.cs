using Pith.Passes;

namespace Pith.Tests.Passes;

/// <summary>Every simplifying pass keeps what a graph computes, leaves it valid, and finds nothing to do the second time.</summary>
public class EquivalenceTests
{
    private const int Graphs = 30;

    public static TheoryData<string> PassNames => [.. Pipelines.Simplify.Select(pass => pass.Name)];

    [Theory]
    [MemberData(nameof(PassNames))]
    public void A_pass_keeps_the_results_of_random_graphs(string name)
    {
        var pass = Pipelines.Simplify.Single(pass => pass.Name == name);
        var changes = 0;
        for (var seed = 0; seed < Graphs; seed++)
        {
            changes += CheckSameResults(seed, graph =>
            {
                var changed = PassRunner.RunOnce(graph, pass);
                while (changed > 0 && PassRunner.RunOnce(graph, pass) > 0) changed++;
                Assert.True(changed <= 50, $"seed {seed}: {name} does not settle");
                return changed;
            });
        }
        Assert.True(changes > 0, $"{name} found nothing to do in {Graphs} random graphs");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_pipeline_keeps_the_results_of_random_graphs_and_settles(bool foldBatchNorm)
    {
        var pipeline = foldBatchNorm ? Pipelines.Simplify : Pipelines.SimplifyKeepingBatchNorm;
        for (var seed = 0; seed < Graphs; seed++)
        {
            CheckSameResults(seed, graph =>
            {
                PassRunner.RunToFixpoint(graph, pipeline);
                var settled = graph.ToString();
                foreach (var pass in pipeline) Assert.Equal(0, PassRunner.RunOnce(graph, pass));
                Assert.Equal(settled, graph.ToString());
                return 1;
            });
        }
    }

    private static int CheckSameResults(int seed, Func<Graph, int> rewrite)
    {
        var (graph, inputs) = RandomGraph.Create(seed);
        var names = graph.Outputs.Select(output => output.Name).ToArray();
        var before = GraphInterpreter.Run(graph, inputs);
        var changes = rewrite(graph);
        Assert.Equal(names, graph.Outputs.Select(output => output.Name));
        var after = GraphInterpreter.Run(graph, inputs);
        for (var i = 0; i < before.Length; i++)
        {
            var (expected, actual) = (before[i].As<float>(), after[i].As<float>());
            Assert.Equal(expected.Shape, actual.Shape);
            var largest = expected.Data.Max(Math.Abs);
            for (var j = 0; j < expected.Length; j++)
                Expect.That(Math.Abs(expected.Data[j] - actual.Data[j]) <= 1e-5f * (1 + largest), $"seed {seed}: output '{names[i]}' element {j}: expected {expected.Data[j]}, got {actual.Data[j]}\n{graph}");
        }
        return changes;
    }
}
