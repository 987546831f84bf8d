using System.Text.Json;
using Pith.Compression.Weights;
using Pith.Models;
using Pith.Ops;

namespace Pith.Compression.Tests.Recipes;

public sealed class RecipeRunnerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_recipe_makes_evaluates_and_times_every_stage()
    {
        var report = Run(Chain(), "out");
        Assert.Equal(["dense", "pruned", "sparse", "int8", "qat"], report.Stages.Select(stage => stage.Name));
        Assert.Equal("dense", report.Baseline);
        Assert.Equal(["float32", "float32", "float32", "int8", "int8"], report.Stages.Select(stage => stage.Precision));
        Assert.Equal([false, true, true, true, true], report.Stages.Select(stage => stage.IsSparse));
        Assert.Equal([null, "dense", "pruned", "sparse", "sparse"], report.Stages.Select(stage => stage.From));
        Assert.All(report.Stages, stage =>
        {
            Assert.Equal(64, stage.Accuracy.Count);
            Assert.True(File.Exists(stage.File));
            Assert.Equal([1, 4], stage.Latency.Select(latency => latency.Timing.Batch));
            Assert.NotEmpty(stage.Layers);
            Assert.Equal(1, stage.Layers.Sum(layer => layer.TimeShare), 1e-6);
        });
        Assert.Null(report.Stages[0].Comparison);
        Assert.All(report.Stages.Skip(1), stage => Assert.NotNull(stage.Comparison));
        Assert.True(report.Stages[3].FileBytes < report.Stages[2].FileBytes);
        Assert.Equal(2, report.Stages[2].Training!.Epochs);
        Assert.True(File.Exists(_folder.File("out/int8.calibration")));
        Assert.Empty(Directory.GetFiles(_folder.File("out"), "*.checkpoint"));
        Assert.Empty(Directory.GetFiles(_folder.File("out"), "*.tmp"));

        var json = JsonSerializer.SerializeToNode(report, SettingsJson.Options)!;
        Assert.Equal(64, (int)json["stages"]![0]!["accuracy"]!["count"]!);
        Assert.NotNull(json["stages"]![4]!["latency"]![1]!["timing"]!["images_per_second"]);
    }

    [Fact]
    public void Finished_steps_are_kept_until_something_they_depend_on_changes()
    {
        Run(Chain(), "out");
        Assert.All(Run(Chain(), "out").Stages.Skip(1), stage => Assert.True(stage.WasKept));

        var other = Run(Chain().Replace("\"calibrator\": \"max\"", "\"calibrator\": \"mse\""), "out");
        Assert.Equal(["pruned", "sparse", "qat"], Kept(other));

        File.AppendAllText(_folder.File("out/sparse.onnx"), " ");
        var damaged = Run(Chain(), "out");
        // The same weights again, so what was made from them counts again; int8 was of other settings.
        Assert.Equal(["pruned", "qat"], Kept(damaged));

        File.WriteAllText(_folder.File("out/state.json"), "{ damaged");
        Assert.Empty(Kept(Run(Chain(), "out")));
    }

    [Fact]
    public void An_interrupted_run_goes_on_and_ends_with_the_same_files()
    {
        Run(Chain(), "whole");
        using var stop = new CancellationTokenSource();
        var options = new RecipeRunOptions { Cancellation = stop.Token, Events = new Watch(e => { if (e is TrainingProgress { Task: "sparse", Epoch: 2 }) stop.Cancel(); }) };
        Assert.Throws<OperationCanceledException>(() => RecipeRunner.Run(Recipe.Parse(Chain(), "test"), _folder.File("halves"), options));
        Assert.True(File.Exists(_folder.File("halves/sparse.checkpoint")));
        Assert.False(File.Exists(_folder.File("halves/sparse.onnx")));

        var report = Run(Chain(), "halves");
        Assert.Equal(["pruned"], Kept(report));
        foreach (var name in new[] { "pruned", "sparse", "int8", "qat" })
            Assert.Equal(File.ReadAllBytes(_folder.File($"whole/{name}.onnx")), File.ReadAllBytes(_folder.File($"halves/{name}.onnx")));
    }

    [Theory]
    [InlineData("procedural:seed=3,count=64", "procedural:seed=1,count=10", "share 10 images")]
    [InlineData("procedural:seed=3,count=64", "procedural:seed=1,count=128?every=8", "share 16 images")]
    [InlineData("procedural:seed=2,count=32", "procedural:seed=3,count=5", "share 5 images")]
    public void Data_that_overlaps_is_refused(string old, string now, string problem)
    {
        var text = Chain().Replace(old, now);
        Assert.Contains(problem, Assert.Throws<PithException>(() => Run(text, "out")).Message);
        Assert.False(Directory.Exists(_folder.File("out")));
    }

    private static string[] Kept(RecipeReport report) => [.. report.Stages.Where(stage => stage.WasKept).Select(stage => stage.Name)];

    [Fact]
    public void A_recipe_may_start_from_a_built_in_network_with_the_weights_of_a_file()
    {
        var trained = ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Seed = 9, Width = 4 });
        WeightFile.Write(_folder.File("net.npz"), StateDict.Of(trained));
        var report = Run($$"""
            {
              "name": "test",
              "model": { "builder": "cifar-resnet8", "width": 4, "weights": "{{_folder.File("net.npz")}}" },
              "data": { "test": "procedural:seed=3,count=16" },
              "benchmark": { "batches": [1], "seconds": 0, "warm_up_seconds": 0, "min_runs": 1 },
              "steps": [ { "step": "prune" } ]
            }
            """, "out");
        Assert.Equal(["dense", "prune"], report.Stages.Select(stage => stage.Name));
        var first = StateDict.Of(OnnxModel.Load(_folder.File("out/dense.onnx"))).ToDictionary(StringComparer.Ordinal);
        Assert.All(StateDict.Of(trained), parameter => Assert.True(parameter.Value.Bytes.SequenceEqual(first[parameter.Key].Bytes), parameter.Key));
    }

    private RecipeReport Run(string text, string output) => RecipeRunner.Run(Recipe.Parse(text, "test"), _folder.File(output), new RecipeRunOptions());

    private string Chain()
    {
        var model = _folder.File("model.onnx");
        if (!File.Exists(model)) OnnxModel.Save(Network(), model);
        return $$"""
            {
              "name": "test",
              "model": { "file": "{{model}}" },
              "data": { "train": "procedural:seed=1,count=128", "validation": "procedural:seed=2,count=32", "test": "procedural:seed=3,count=64" },
              "benchmark": { "batches": [1, 4], "seconds": 0, "warm_up_seconds": 0, "min_runs": 2 },
              "steps": [
                { "step": "prune", "name": "pruned" },
                { "step": "finetune", "name": "sparse", "epochs": 2, "batch_size": 32, "teacher": "dense", "validation": "keep_best" },
                { "step": "quantize", "name": "int8", "calibrator": "max", "samples": 40 },
                { "step": "qat", "name": "qat", "from": "sparse", "samples": 40, "epochs": 2, "batch_size": 32 },
              ],
            }
            """;
    }

    /// <summary>Two convolutions with long strides: quick to train with any kernels.</summary>
    private static Graph Network()
    {
        var random = new Random(3);
        var graph = new Graph("tiny");
        var y = graph.AddInput("images", TensorType.Float32(Dim.Named("N"), 3, 32, 32));
        y = Block(graph, random, "conv1", y, 8, 4);
        y = Block(graph, random, "conv2", y, 16, 2);
        y = graph.AddNode(new Flatten(), [graph.AddNode(new GlobalAveragePool(), [y], "pool").Output], "flatten").Output;
        y = graph.AddNode(new Gemm { TransB = true }, [y, Weight(graph, random, "fc.weight", 10, 16), graph.AddConstant("fc.bias", Tensor.Zeros<float>(new Shape(10)))], "fc", ["logits"]).Output;
        graph.AddOutput(y);
        return graph;
    }

    private static Value Block(Graph graph, Random random, string name, Value x, int channels, int stride)
    {
        var weight = Weight(graph, random, $"{name}.weight", channels, x.Type[1].Size, 3, 3);
        var y = graph.AddNode(new Conv { Window = new WindowAttributes { Strides = [stride, stride], Pads = [1, 1, 1, 1] } }, [x, weight], name).Output;
        Value[] statistics = [.. new[] { 1f, 0, 0, 1 }.Select((value, i) => graph.AddConstant($"{name}.bn{i}", Tensor.Create(new Shape(channels), Enumerable.Repeat(value, channels).ToArray())))];
        return graph.AddNode(new Relu(), [graph.AddNode(new BatchNormalization(), [y, .. statistics], $"{name}.bn").Output], $"{name}.relu").Output;
    }

    private static Value Weight(Graph graph, Random random, string name, params int[] dims)
    {
        var shape = new Shape(dims);
        var bound = Math.Sqrt(6.0 / (shape.Length / dims[0]));
        return graph.AddConstant(name, Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => (float)((2 * random.NextDouble() - 1) * bound)).ToArray()));
    }

    private sealed class Watch(Action<PithEvent> see) : IProgress<PithEvent>
    {
        public void Report(PithEvent value) => see(value);
    }
}
