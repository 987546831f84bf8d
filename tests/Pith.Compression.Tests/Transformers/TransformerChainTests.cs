using Pith.Compression.Data;
using Pith.Compression.Evaluation;
using Pith.Compression.Recipes;
using Pith.Compression.Tests.Training;
using Pith.Models;
using Pith.Ops;

namespace Pith.Compression.Tests.Transformers;

/// <summary>A tiny vision transformer and a tiny text encoder through the whole chain: train, prune, fine-tune, quantize, QAT, export, engine.</summary>
public sealed class TransformerChainTests
{
    private static readonly TrainingSettings s_training = new() { Epochs = 6, BatchSize = 32, LearningRate = 0.003, CropPadding = 0, Flip = false, Optimizer = new AdamWSettings(), ClipNorm = 1 };

    public static TheoryData<string> Networks => ["vit", "text"];

    [Theory]
    [MemberData(nameof(Networks))]
    public void The_whole_chain_keeps_what_a_transformer_has_learned(string kind)
    {
        var (train, test, dense) = Trained(kind);
        var accuracy = Top1(dense, test);
        Assert.True(accuracy > 0.9, $"{kind}: {accuracy:P1} after training");

        var pruned = new PruneStep(new PruningSettings()).Apply(dense, Context(train)).Graph;
        Assert.True(SparsityRecord.Verify(pruned, "pruning") >= 8);
        var oneShot = new PruneStep(new PruningSettings { Method = PruningMethod.Hessian, Samples = 96 }).Apply(dense, Context(train));
        Assert.True(oneShot.Accuracy[1].Error < oneShot.Accuracy[0].Error, $"{kind}: by second moments {oneShot.Accuracy[1].SnrDecibels:F1} dB, by magnitude {oneShot.Accuracy[0].SnrDecibels:F1} dB");
        var tuned = new FineTuneStep(s_training with { Epochs = 2, LearningRate = 0.001 }).Apply(pruned, Context(train)).Graph;
        Assert.True(SparsityRecord.Verify(tuned, "fine-tuning") >= 8);
        Assert.InRange(Top1(tuned, test), accuracy - 0.05, 1);

        var settings = new QuantizationSettings { Samples = 96 };
        var quantized = new QuantizeStep(settings).Apply(tuned, Context(train));
        Assert.All(quantized.Quantization, layer => Assert.Null(layer.SkipReason));
        Assert.Contains(quantized.Reconstruction, layer => layer.ErrorAfter < layer.ErrorBefore);
        Assert.InRange(Top1(quantized.Graph, test), accuracy - 0.05, 1);
        var aware = new QatStep(settings, s_training with { Epochs = 1, LearningRate = 0.0003 }).Apply(tuned, Context(train)).Graph;
        Assert.True(SparsityRecord.Verify(aware, "QAT") >= 8);
        Assert.InRange(Top1(aware, test), accuracy - 0.05, 1);

        // A file, and an engine made of it, give what the simulator gives: attention's softmax may round a step differently.
        var reloaded = OnnxModel.Load(OnnxModel.ToBytes(quantized.Graph));
        Assert.InRange(new OutputError(quantized.Graph, Images(quantized.Graph, test), 2).Of(reloaded), 0, 1e-10);
        Assert.InRange(EngineError(reloaded, test), 0, 1e-3);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void What_must_be_float_in_a_transformer_is(string kind)
    {
        var (train, _, dense) = Untrained(kind);
        foreach (var target in TargetCatalog.All)
        {
            var result = new QuantizeStep(new QuantizationSettings { Samples = 32, Target = target }) { PostTraining = new PostTrainingSettings { Effort = QuantizationEffort.Fast } }.Apply(dense, Context(train));
            using var engine = EngineBuilder.Build(result.Graph, new EngineOptions { TimeTactics = false });
            // Every product with a weight is computed in integers; what layer normalization and the residual stream read is not rounded on the way.
            Assert.Equal([], engine.Layers.Where(layer => layer.WeightBytes > 0 && layer.Macs > 0 && layer.Precision != "int8").Select(layer => layer.Name));
            if (target.Name is "openvino") continue;
            foreach (var norm in result.Graph.Nodes.Where(node => node.Op is LayerNormalization)) Assert.IsNotType<DequantizeLinear>(norm.Inputs[0]!.Producer?.Op);
            foreach (var sum in result.Graph.Nodes.Where(node => node.Op is Add && node.Output.Uses.Any(use => use.Node.Op is LayerNormalization))) Assert.All(sum.Inputs, input => Assert.IsNotType<DequantizeLinear>(input!.Producer?.Op));
        }
    }

    [Fact]
    public void Token_ids_are_neither_augmented_nor_given_to_networks_of_images()
    {
        var tokens = TokenSequences.Create(3, 40);
        var loader = new BatchLoader(tokens, Preprocessing.Raw, new BatchLoaderOptions { BatchSize = 40, Augmentation = Augmentation.Cifar });
        var batch = loader.Epoch().Single();
        for (var i = 0; i < 40; i++) Assert.Equal(tokens.Load(i).Values.ToArray(), batch.ImagesInUse.Slice(i * TokenSequences.Tokens, TokenSequences.Tokens).ToArray());
        var message = Assert.Throws<PithException>(() => Top1(Toy.Network(), tokens)).Message;
        Assert.Contains("sequences of token ids", message, StringComparison.Ordinal);
        message = Assert.Throws<PithException>(() => Top1(Encoder(tokens: 20), tokens)).Message;
        Assert.Contains("20 tokens", message, StringComparison.Ordinal);
        var outside = NpzDataset.Create(Tensor.Create(new Shape(1, TokenSequences.Tokens), Enumerable.Repeat(999L, TokenSequences.Tokens).ToArray()), Tensor.Vector<long>(0), "outside");
        Assert.Contains("999", Assert.Throws<PithException>(() => Top1(Encoder(), outside)).Message, StringComparison.Ordinal);
    }

    private static (ImageDataset Train, ImageDataset Test, Graph Network) Trained(string kind)
    {
        var (train, test, network) = Untrained(kind);
        return (train, test, new TrainStep(s_training).Apply(network, Context(train)).Graph);
    }

    private static (ImageDataset Train, ImageDataset Test, Graph Network) Untrained(string kind) => kind == "vit"
        ? (new ToyDataset(1, 384), new ToyDataset(2, 96), VisionTransformer())
        : (TokenSequences.Create(1, 1536), TokenSequences.Create(2, 192), Encoder());

    private static Graph Encoder(int tokens = TokenSequences.Tokens) => ModelCatalog.Find("text-encoder").Build(new ModelOptions { Resolution = tokens, Width = 32, Seed = 5 });

    // The catalog's network takes three channels: the toy's images have one.
    private static Graph VisionTransformer()
    {
        var graph = ModelCatalog.Find("cifar-vit").Build(new ModelOptions { Resolution = ToyDataset.Side, Width = 24, Classes = 3, Seed = 5 });
        graph.Metadata.Remove(Preprocessing.MetadataKey);
        var grey = new Graph("grey");
        var x = grey.AddInput("input", TensorType.Float32(Dim.Named("N"), 1, ToyDataset.Side, ToyDataset.Side));
        var copies = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance) { [graph.Inputs[0]] = x };
        foreach (var constant in graph.Constants) copies[constant] = grey.AddConstant(constant.Name, constant.Name == "patch_embed.proj.weight" ? FirstChannel(constant.Constant!.As<float>()) : constant.Constant!);
        foreach (var node in graph.Nodes)
        {
            var made = grey.AddNode(node.Op, [.. node.Inputs.Select(input => input is null ? null : copies[input])], node.Name, [.. node.Outputs.Select(output => output.Name)]);
            for (var i = 0; i < made.Outputs.Count; i++) copies[node.Outputs[i]] = made.Outputs[i];
        }
        grey.AddOutput(copies[graph.Outputs[0]]);
        return grey;
    }

    private static Tensor<float> FirstChannel(Tensor<float> weight)
    {
        var plane = weight.Shape[2] * weight.Shape[3];
        var first = Tensor.Zeros<float>(new Shape(weight.Shape[0], 1, weight.Shape[2], weight.Shape[3]));
        for (var k = 0; k < weight.Shape[0]; k++) weight.Data.AsSpan(k * 3 * plane, plane).CopyTo(first.Data.AsSpan(k * plane));
        foreach (ref var value in first.Span) value *= 5;
        return first;
    }

    private static StepContext Context(ImageDataset train) => new() { Stage = "test", TrainingData = train, Threads = 2 };

    private static double Top1(Graph graph, ImageDataset test) => Evaluator.Run(graph, test, Preprocessing.Raw, new EvaluationOptions { Threads = 2 }).Top1;

    private static CalibrationImages Images(Graph graph, ImageDataset data) =>
        CalibrationImages.Read(graph, new CalibrationData(new BatchLoader(data, Preprocessing.Raw, new BatchLoaderOptions { BatchSize = 16 }).Epoch(), 32, 16), 32);

    /// <summary>The energy of the difference between engine and interpreter, relative to the outputs'.</summary>
    private static double EngineError(Graph graph, ImageDataset data)
    {
        var images = Images(graph, data);
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = images.BatchSize, TimeTactics = false });
        using var context = engine.CreateContext();
        var (difference, energy) = (0.0, 0.0);
        foreach (var batch in images.Batches)
        {
            var want = GraphInterpreter.Run(graph, batch.Tensors)[0].As<float>().Data;
            batch.WriteTo(context);
            context.Run(batch.Count);
            var got = context.Output<float>(engine.Outputs[0].Name)[..want.Length].ToArray();
            for (var i = 0; i < want.Length; i++) (difference, energy) = (difference + Math.Pow(want[i] - got[i], 2), energy + (double)want[i] * want[i]);
        }
        return difference / energy;
    }
}
