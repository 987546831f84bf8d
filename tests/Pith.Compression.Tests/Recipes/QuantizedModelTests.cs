using Pith.Compression.Data;
using Pith.Models;

namespace Pith.Compression.Tests.Recipes;

public class QuantizedModelTests
{
    private static readonly ImageDataset s_images = DatasetCatalog.Open("procedural:seed=3,count=64");

    [Fact]
    public void A_quantized_model_is_neither_trained_nor_quantized_again()
    {
        var int8 = Quantize(ModelCatalog.Find("cifar-resnet8").Build(), new QuantizationSettings { Samples = 16 });
        var context = new StepContext { Stage = "again", TrainingData = s_images };

        var training = Assert.Throws<PithException>(() => new FineTuneStep(TrainingSettings.FineTune).Apply(int8, context));
        var quantizing = Assert.Throws<PithException>(() => new QuantizeStep(new QuantizationSettings { Samples = 16 }).Apply(int8, context));

        Assert.Contains("quantized already", training.Message, StringComparison.Ordinal);
        Assert.Contains("quantized already", quantizing.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ActivationForm.Int8)]
    [InlineData(ActivationForm.UInt8)]
    public void The_engine_gives_the_bits_of_a_literal_float_run_of_the_exported_file(ActivationForm activations)
    {
        var int8 = Quantize(ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Seed = 5 }), new QuantizationSettings { Samples = 32, Activations = activations });
        var exported = OnnxModel.Load(OnnxModel.ToBytes(int8));
        using var literal = new InterpreterTrace(exported);
        using var engine = EngineTrace.Build(exported, new EngineOptions { TimeTactics = false });

        var comparison = new TensorComparison(literal, engine);
        foreach (var batch in new BatchLoader(s_images, Preprocessing.Cifar10, new BatchLoaderOptions { BatchSize = 1 }).Epoch().Take(4))
            comparison.Add([Tensor.Create(new Shape(1, 3, 32, 32), batch.ImagesInUse.ToArray())]);

        // Every 8-bit tensor between two layers, not only the answer.
        var integers = comparison.Differences.Where(difference => difference.Type.StartsWith(activations == ActivationForm.Int8 ? "s8" : "u8", StringComparison.Ordinal)).ToArray();
        Assert.True(integers.Length >= 8, $"only {integers.Length} tensors were compared");
        Assert.All(integers, difference => Assert.Equal(0, difference.Different));
    }

    private static Graph Quantize(Graph graph, QuantizationSettings settings) =>
        new QuantizeStep(settings).Apply(graph, new StepContext { Stage = "quantize", TrainingData = s_images }).Graph;
}
