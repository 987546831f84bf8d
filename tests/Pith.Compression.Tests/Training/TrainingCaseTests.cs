using Pith.Compression.Data;

namespace Pith.Compression.Tests.Training;

/// <summary>Networks of public bug reports, trained as a user would.</summary>
public class TrainingCaseTests
{
    private static readonly TrainingSettings s_settings = TrainingSettings.FineTune with { Epochs = 1, BatchSize = 32 };

    [Fact]
    public void A_decoder_is_trained_as_a_whole_pruned_or_not()
    {
        var graph = OnnxModel.Load(Case("44-untrained-parameters/decoder.onnx"));
        var dense = new FineTuneStep(s_settings).Apply(graph, Context());
        Assert.Empty(dense.Training!.Untrained);
        foreach (var name in new[] { "conv.w", "conv.b", "up.w", "up.b", "pw.w", "fc.w", "fc.b", "position" })
            Assert.NotEqual(Toy.Constant(graph, name), Toy.Constant(dense.Graph, name));

        var pruned = new PruneStep(new PruningSettings()).Apply(graph, Context());
        Assert.Equal(3, pruned.Sparsity.Count(layer => layer.SkipReason is null));
        foreach (var outcome in new[] { new FineTuneStep(s_settings).Apply(pruned.Graph, Context()), new QatStep(new QuantizationSettings { Samples = 32 }, s_settings).Apply(pruned.Graph, Context()) })
            Assert.Equal(3, SparsityRecord.Verify(outcome.Graph, "training"));
    }

    [Fact]
    public void A_batch_that_the_file_fixes_changes_nothing()
    {
        var data = DatasetCatalog.Open($"npz:{Case("13-fixed-batch/many.npz")}");
        Graph Tuned(string file) => new FineTuneStep(s_settings).Apply(OnnxModel.Load(Case($"13-fixed-batch/{file}")), new StepContext { Stage = "tuned", TrainingData = data }).Graph;
        Assert.Equal(Toy.AllConstants(Tuned("bN.onnx")), Toy.AllConstants(Tuned("b1.onnx")));
    }

    private static StepContext Context() => new() { Stage = "tuned", TrainingData = DatasetCatalog.Open("procedural:count=128") };

    private static string Case(string path)
    {
        var file = Path.Combine(SharedData.Root ?? "", "cases", path);
        Assert.SkipUnless(File.Exists(file), $"There is no '{path}' among the shared cases.");
        return file;
    }
}
