using Pith.Compression.Reconstruction;
using Pith.Ops;
using Pith.Compression.Tests.Training;

namespace Pith.Compression.Tests;

/// <summary>Pruning by second moments on small networks and images that are random but fixed.</summary>
public sealed class OneShotPruningTests
{
    [Theory]
    [InlineData("2:4")]
    [InlineData("4:2:4")]
    [InlineData("16:2:4")]
    public void The_outputs_are_nearer_to_the_dense_ones_than_by_magnitude_and_the_pattern_holds(string pattern)
    {
        var graph = PostTrainingTests.Network(seed: 1);
        var result = Prune(graph, pattern);
        Assert.Equal(["prune by magnitude", "prune by second moments"], result.Stages.Select(stage => stage.Name));
        Assert.True(result.Stages[1].Error < 0.5 * result.Stages[0].Error, $"{result.Stages[0].Error} became {result.Stages[1].Error} only");
        Assert.True(result.Stages[1].IsKept);
        Assert.Equal(["project", "last", "fc"], SparsityRecord.PrunedLayers(result.Graph));
        Assert.Equal(3, SparsityRecord.Verify(result.Graph, "pruning"));
        Assert.All(SparsityRecord.Patterns(result.Graph), layer => Assert.Equal(pattern, layer.Pattern.ToString()));
        Assert.All(result.Pruning.Masks, mask => Assert.Null(mask.Value.FirstUnmasked(result.Graph.Find(mask.Key)!.Constant!.As<float>().Span)));
        Assert.InRange(result.Pruning.KeptMagnitude, 0.4, 1);
        Assert.All(result.Layers.Where(layer => layer.Name is "project" or "last"), layer => Assert.True(layer.ErrorAfter < layer.ErrorBefore, layer.ToString()));
    }

    [Fact]
    public void The_network_that_is_given_does_not_change()
    {
        var graph = PostTrainingTests.Network(seed: 2);
        var before = Toy.AllConstants(graph);
        Prune(graph, "2:4");
        Assert.Equal(before, Toy.AllConstants(graph));
        Assert.Empty(SparsityRecord.PrunedLayers(graph));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 2)]
    public void Batch_size_and_threads_change_nothing(int batch, int threads)
    {
        var graph = PostTrainingTests.Network(seed: 3);
        var settings = new PruningSettings { Method = PruningMethod.Hessian, ChannelOrder = ChannelOrder.Search };
        var expected = OneShotPruning.Apply(graph, settings, PostTrainingTests.Images(64, 16), new PruningOptions { Threads = 1 });
        var got = OneShotPruning.Apply(graph, settings, PostTrainingTests.Images(64, batch) with { Threads = threads }, new PruningOptions { Threads = threads });
        Assert.Equal(Toy.AllConstants(expected.Graph), Toy.AllConstants(got.Graph));
    }

    [Fact]
    public void A_layer_before_batch_norm_aims_at_what_is_right_after_it()
    {
        var network = new TestNetwork(1, 10);
        var stem = network.Relu("relu1", network.Conv("stem", network.Input, 16, 3));
        var first = network.Relu("relu2", network.BatchNorm("norm1", network.Conv("first", stem, 16, 3, bias: false)));
        var sum = network.Relu("relu3", network.Add("sum", network.BatchNorm("norm2", network.Conv("second", first, 16, 3, bias: false)), stem));
        network.Graph.AddOutput(network.Node("pool", new GlobalAveragePool(), sum));
        var result = Prune(network.Graph, "4:2:4");
        Assert.True(result.Stages[1].Error < 0.3 * result.Stages[0].Error, $"{result.Stages[0].Error} became {result.Stages[1].Error} only");
        Assert.Equal(2, result.Graph.Nodes.Count(node => node.Op is BatchNormalization));
        Assert.Equal(2, SparsityRecord.Verify(result.Graph, "pruning"));
        // The reconstruction is better than what new statistics can do, so they are undone.
        var measured = result.Stages[2];
        Assert.Equal(("measure batch norm again", "2 of 2 batch norms"), (measured.Name, measured.Detail));
        Assert.Equal(measured.Error < result.Stages[1].Error, measured.IsKept);
    }

    [Fact]
    public void By_magnitude_batch_norm_is_measured_again_where_that_was_asked_for()
    {
        var network = new TestNetwork(1, 10);
        var stem = network.Relu("relu1", network.Conv("stem", network.Input, 16, 3));
        var first = network.Relu("relu2", network.BatchNorm("norm1", network.Conv("first", stem, 16, 3, bias: false)));
        network.Graph.AddOutput(network.Node("pool", new GlobalAveragePool(), network.BatchNorm("norm2", network.Conv("second", first, 16, 3, bias: false))));
        var images = PostTrainingTests.Images(128, 16);
        // Statistics that are right for the dense network; then pruning is what makes them wrong.
        NormReestimation.Apply(network.Graph, CalibrationImages.Read(network.Graph, images, 128), 1);
        var result = OneShotPruning.Apply(network.Graph, new PruningSettings { RemeasureNorm = true, Include = ["first", "second"] }, images, new PruningOptions());
        Assert.Equal(["prune by magnitude", "measure batch norm again"], result.Stages.Select(stage => stage.Name));
        Assert.True(result.Stages[1].IsKept);
        Assert.True(result.Stages[1].Error < result.Stages[0].Error, $"{result.Stages[0].Error} became {result.Stages[1].Error}");
    }

    [Fact]
    public void Layers_that_are_sparse_already_and_not_pruned_again_stay_sparse()
    {
        var graph = PostTrainingTests.Network(seed: 4);
        Prune24.Apply(graph, new PruningSettings { Include = ["project"], ChannelOrder = ChannelOrder.Keep });
        var result = OneShotPruning.Apply(graph, new PruningSettings { Method = PruningMethod.Hessian, Include = ["last"] }, PostTrainingTests.Images(64, 16), new PruningOptions());
        Assert.Equal(2, SparsityRecord.Verify(result.Graph, "pruning"));
        Assert.Equal(graph.Find("project/weight")!.Constant!.As<float>().Data, result.Graph.Find("project/weight")!.Constant!.As<float>().Data);
    }

    [Fact]
    public void A_layer_that_cannot_be_reconstructed_is_pruned_by_magnitude()
    {
        // Two layers share a weight.
        var network = new TestNetwork(1, 10);
        var stem = network.Relu("relu1", network.Conv("stem", network.Input, 8, 3));
        var once = network.Relu("relu2", network.Conv("once", stem, 8));
        var twice = network.Graph.AddNode(new Conv(), [once, network.Graph.Find("once.weight")!], "twice").Output;
        network.Graph.AddOutput(network.Node("pool", new GlobalAveragePool(), network.Conv("last", twice, 8)));
        var result = Prune(network.Graph, "2:4");
        Assert.Equal(3, SparsityRecord.Verify(result.Graph, "pruning"));
        Assert.Contains("several layers share its weight", result.Layers.Single(layer => layer.Name == "twice").Outcome, StringComparison.Ordinal);
    }

    [Fact]
    public void Stages_are_judged_on_images_that_weights_are_fitted_to_in_the_end_only()
    {
        var graph = PostTrainingTests.Network(seed: 7);
        var images = CalibrationImages.Read(graph, PostTrainingTests.Images(512, 16), 512);
        var all = OneShotPruning.Apply(graph, Hessian, PostTrainingTests.Images(32, 16), new PruningOptions());
        var some = OneShotPruning.Apply(graph, Hessian, PostTrainingTests.Images(32, 16), new PruningOptions { FitsAllImages = false });
        Assert.Equal(all.Stages.Select(stage => (stage.Name, stage.Error, stage.IsKept)), some.Stages.Select(stage => (stage.Name, stage.Error, stage.IsKept)));
        Assert.Equal(all.Layers, some.Layers);
        var judge = new OutputError(graph, images, 1);
        Assert.True(judge.Of(all.Graph) < judge.Of(some.Graph), "more images did not help");
        Assert.Equal(some.Stages[1].Error, new OutputError(graph, CalibrationImages.Read(graph, PostTrainingTests.Images(32, 16), 32).HeldOut(), 0).Of(some.Graph), 1e-9);
    }

    [Theory]
    [InlineData(SparseReconstruction.Task, 2)]
    [InlineData(SparseReconstruction.FitTask, 1)]
    public void A_run_that_was_stopped_goes_on_with_the_same_bits(string task, int done)
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("sparse.checkpoint");
        var graph = PostTrainingTests.Network(seed: 8);
        OneShotResult Run(StepJournal? journal, CancellationToken cancellation, IProgress<PithEvent>? events = null) =>
            OneShotPruning.Apply(graph, Hessian, PostTrainingTests.Images(64, 16), new PruningOptions { Events = events, Cancellation = cancellation }, journal);
        var expected = Run(null, TestContext.Current.CancellationToken);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Run(new StepJournal(path, "key", null), stop.Token, new StopAt(stop, task, done)));
        var journal = new StepJournal(path, "key", null);
        Assert.True(journal.Count > 0, $"nothing was kept when '{task}' was stopped at {done}");
        var resumed = Run(journal, TestContext.Current.CancellationToken);
        Assert.Equal(Toy.AllConstants(expected.Graph), Toy.AllConstants(resumed.Graph));
        Assert.Equal(expected.Layers, resumed.Layers);
        Assert.Equal(expected.Stages.Select(stage => (stage.Name, stage.Error, stage.IsKept)), resumed.Stages.Select(stage => (stage.Name, stage.Error, stage.IsKept)));
    }

    [Theory]
    [InlineData(16, "2:4")] // Of the same shape before and after the Transpose: only the order of the elements differs.
    [InlineData(24, "2:4")]
    [InlineData(16, "4:2:4")]
    public void A_weight_that_is_stored_transposed_is_pruned_as_one_that_is_not(int outputs, string pattern)
    {
        var settings = Hessian with { Pattern = SparsityPattern.Parse(pattern), ChannelOrder = ChannelOrder.Keep };
        OneShotResult Pruned(bool isTransposed) => OneShotPruning.Apply(Products(outputs, isTransposed), settings, PostTrainingTests.Images(64, 16), new PruningOptions());
        var (plain, transposed) = (Pruned(false), Pruned(true));
        Assert.Equal(2, SparsityRecord.Verify(transposed.Graph, "pruning"));
        Assert.Equal(plain.Layers, transposed.Layers);
        Assert.Equal(plain.Stages.Select(stage => stage.Name), transposed.Stages.Select(stage => stage.Name));
        foreach (var layer in (string[])["first", "second"])
        {
            var (expected, got) = (WeightOperand.Of(plain.Graph.Nodes.Single(node => node.Name == layer))!, WeightOperand.Of(transposed.Graph.Nodes.Single(node => node.Name == layer))!);
            Assert.Equal(expected.Effective()!.As<float>().Data, got.Effective()!.As<float>().Data);
        }
    }

    [Fact]
    public void A_Transpose_that_two_layers_read_leaves_their_weight_as_magnitude_has_pruned_it()
    {
        var graph = Products(16, isTransposed: true);
        var first = graph.Nodes.Single(node => node.Name == "first");
        graph.ReplaceInput(graph.Nodes.Single(node => node.Name == "second"), 1, first.Inputs[1]!);
        var result = Prune(graph, "2:4");
        Assert.Equal(2, SparsityRecord.Verify(result.Graph, "pruning"));
        Assert.All(result.Layers.Where(layer => layer.OpType == "MatMul"), layer => Assert.Contains("several layers share its weight", layer.Outcome, StringComparison.Ordinal));
    }

    /// <summary>Two matrix products, whose weights are stored as [C, K], or as [K, C] with a Transpose after them, as exporters write linear layers.</summary>
    private static Graph Products(int outputs, bool isTransposed)
    {
        var random = new Random(outputs);
        var network = new TestNetwork(1, 10);
        var pooled = network.Node("flatten", new Flatten(), network.Node("pool", new GlobalAveragePool(), network.Relu("relu", network.Conv("stem", network.Input, 16, 3))));
        var hidden = network.Relu("hidden", Product("first", pooled, 16));
        network.Graph.AddOutput(Product("second", hidden, outputs));
        return network.Graph;

        Value Product(string name, Value x, int inputs)
        {
            var values = Enumerable.Range(0, inputs * outputs).Select(_ => random.NextSingle() - 0.4f).ToArray();
            Tensor<float> Stored(bool asRead) => Tensor.Create(asRead ? new Shape(inputs, outputs) : new Shape(outputs, inputs), Enumerable.Range(0, values.Length).Select(i => asRead ? values[i] : values[i % inputs * outputs + i / inputs]).ToArray());
            var weight = network.Graph.AddConstant($"{name}.weight", Stored(!isTransposed));
            return network.Node(name, new MatMul(), x, isTransposed ? network.Node($"{name}.transpose", new Transpose { Permutation = [1, 0] }, weight) : weight);
        }
    }

    private static PruningSettings Hessian => new() { Method = PruningMethod.Hessian };

    private sealed class StopAt(CancellationTokenSource stop, string task, int done) : IProgress<PithEvent>
    {
        public void Report(PithEvent value)
        {
            if (value is ProgressMade progress && progress.Task == task && progress.Done >= done) stop.Cancel();
        }
    }

    private static OneShotResult Prune(Graph graph, string pattern) =>
        OneShotPruning.Apply(graph, new PruningSettings { Method = PruningMethod.Hessian, Pattern = SparsityPattern.Parse(pattern) }, PostTrainingTests.Images(128, 16), new PruningOptions());
}
