using Pith.Benchmarking;
using Pith.Compression.Data;
using Pith.Models;
using Pith.Ops;

namespace Pith.Compression.Tests;

/// <summary>Networks that take 8-bit images: made by <see cref="Preprocessing.FoldInto"/>, and fed, evaluated, calibrated and timed like any other.</summary>
public class ImageInputTests
{
    private static readonly ProceduralDataset s_data = (ProceduralDataset)DatasetCatalog.Open("procedural:seed=5,count=24");

    public static TheoryData<string, ImageLayout> Preprocessings() =>
        new(from known in PreprocessingCatalog.All from layout in Enum.GetValues<ImageLayout>() select (known.Name, layout));

    [Theory]
    [MemberData(nameof(Preprocessings))]
    public void What_is_folded_in_gives_the_bits_of_the_preprocessing(string name, ImageLayout layout)
    {
        var preprocessing = Preprocessing.Parse(name) with { ResizeShorterSide = 19, ResizeTo = null, CenterCrop = 17 };
        var graph = new Graph("identity");
        graph.AddOutput(graph.Add(new Neg(), graph.AddInput("x", TensorType.Float32([Dim.Named("N"), Dim.Of(preprocessing.Channels), Dim.Of(17), Dim.Of(17)]))));
        var folded = preprocessing.FoldInto(graph, layout);
        Assert.Equal(("x", DataType.UInt8), (folded.Inputs[0].Name, folded.Inputs[0].Type.DataType));
        Assert.Equal(layout == ImageLayout.Nhwc, ImageInput.Of(folded).IsInterleaved);
        Assert.Equal(preprocessing.KeepingSamples(), Preprocessing.FromJson(folded.Metadata[Preprocessing.MetadataKey]));
        var saved = OnnxModel.Load(OnnxModel.ToBytes(folded));

        var image = s_data.Load(3).Image!;
        var want = new float[preprocessing.OutputShape(image.Width, image.Height).Elements];
        preprocessing.Apply(image, want);
        var samples = new float[want.Length];
        preprocessing.KeepingSamples().Apply(image, samples);
        var input = ImageInput.Of(saved).ToTensor(samples);
        var negated = want.Select(value => -value).ToArray();
        Assert.Equal(negated, GraphInterpreter.Run(saved, [input])[0].As<float>().Data);
        using var engine = EngineBuilder.Build(saved, new EngineOptions { TimeTactics = false });
        using var context = engine.CreateContext();
        ImageInput.Of(saved).Write(samples, context);
        context.Run();
        Assert.Equal(negated, context.Output<float>(engine.Outputs[0].Name).ToArray());
    }

    [Theory]
    [InlineData(ImageLayout.Nchw)]
    [InlineData(ImageLayout.Nhwc)]
    public void A_quantized_network_gives_the_same_classes_from_bytes(ImageLayout layout)
    {
        var graph = Quantized(ModelCatalog.Find("cifar-resnet8").Build());
        var preprocessing = Preprocessing.FromJson(graph.Metadata[Preprocessing.MetadataKey]);
        var bytes = preprocessing.FoldInto(graph, layout);
        using var engine = EngineBuilder.Build(bytes, new EngineOptions { TimeTactics = false });
        Assert.Equal(["int8-pixel-table"], engine.Layers.Take(1).Select(layer => layer.Tactic));
        Assert.DoesNotContain(engine.Layers, layer => layer.Spec.Kind is LayerKind.Quantize or LayerKind.Op);
        Assert.Equal(Outputs(graph, preprocessing), Outputs(bytes, preprocessing.KeepingSamples()));
        var options = new EvaluationOptions { Batch = 7 };
        var want = Evaluator.Run(graph, s_data, preprocessing, options).Accuracy.Predictions;
        // With or without being told that the samples stay as they are.
        Assert.Equal(want, Evaluator.Run(bytes, s_data, preprocessing, options).Accuracy.Predictions);
        Assert.Equal(want, Evaluator.Run(bytes, s_data, preprocessing.KeepingSamples(), options).Accuracy.Predictions);
    }

    [Fact]
    public void A_float_network_of_bytes_is_quantized_as_the_one_without()
    {
        var graph = ModelCatalog.Find("cifar-resnet8").Build();
        var bytes = Quantized(Preprocessing.Cifar10.FoldInto(graph, ImageLayout.Nhwc));
        var want = Preprocessing.Cifar10.FoldInto(Quantized(graph), ImageLayout.Nhwc);
        Assert.Equal(Outputs(want, Preprocessing.Cifar10.KeepingSamples()), Outputs(bytes, Preprocessing.Cifar10.KeepingSamples()));
        using var engine = EngineBuilder.Build(bytes, new EngineOptions { TimeTactics = false });
        Assert.Equal("int8-pixel-table", engine.Layers[0].Tactic);
    }

    [Fact]
    public void Values_that_are_normalised_already_are_refused()
    {
        var input = new ImageInput("x", new TensorType(DataType.UInt8, [Dim.Named("N"), Dim.Of(1), Dim.Of(2), Dim.Of(2)]));
        Assert.Equal([0, 255, 7, 9], input.ToTensor([0, 255, 7, 9]).As<byte>().Data);
        foreach (var wrong in new[] { -1f, 256, 0.5f, float.NaN })
            Assert.Contains("8-bit samples", Assert.Throws<PithException>(() => input.ToTensor([0, 1, 2, wrong])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_float_images_of_as_many_channels_can_be_folded()
    {
        var graph = ModelCatalog.Find("cifar-resnet8").Build();
        Assert.Contains("1 channel", Assert.Throws<PithException>(() => Preprocessing.Mnist.FoldInto(graph)).Message, StringComparison.Ordinal);
        var bytes = Preprocessing.Cifar10.FoldInto(graph);
        Assert.Contains("takes bytes already", Assert.Throws<PithException>(() => Preprocessing.Cifar10.FoldInto(bytes)).Message, StringComparison.Ordinal);
        var two = new Graph("two");
        two.AddOutput(two.Add(new Add(), two.AddInput("a", TensorType.Float32(Dim.Of(1))), two.AddInput("b", TensorType.Float32(Dim.Of(1)))));
        Assert.Contains("2 inputs", Assert.Throws<PithException>(() => Preprocessing.Cifar10.FoldInto(two)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_benchmark_fills_bytes()
    {
        using var engine = EngineBuilder.Build(Preprocessing.Cifar10.FoldInto(ModelCatalog.Find("cifar-resnet8").Build()), new EngineOptions { TimeTactics = false });
        using var context = engine.CreateContext();
        _ = BenchmarkTarget.Of(context);
        Assert.True(context.Input<byte>(engine.Inputs[0].Name).ToArray().Distinct().Count() > 200);
    }

    private static Graph Quantized(Graph graph) => new QuantizeStep(new QuantizationSettings { Samples = 16 }) { PostTraining = new() { Effort = QuantizationEffort.Fast } }.Apply(graph, new StepContext { Stage = "int8", TrainingData = s_data, Preprocess = Preprocessing.Cifar10 }).Graph;

    private static float[] Outputs(Graph graph, Preprocessing preprocessing)
    {
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 8, TimeTactics = false });
        using var context = engine.CreateContext();
        var batch = new BatchLoader(s_data, preprocessing, new BatchLoaderOptions { BatchSize = 8 }).Epoch().First();
        ImageInput.Of(graph).Write(batch.ImagesInUse, context);
        context.Run(8);
        return context.Output<float>(engine.Outputs[0].Name).ToArray();
    }
}
