using Pith.Compression.Data;
using Pith.Kernels;
using Pith.Models;
using Pith.Passes;
using Pith.Tactics;

namespace Pith.Compression.Tests.Zoo;

/// <summary>Every network of the catalog, quantized, gives the same bits on every instruction set and for any number of threads, whether it runs image by image or as a batch.</summary>
public class BitIdentityTests
{
    private const int Images = 3;

    // Sums of layer normalization and softmax are float, in an order that depends on the instruction set: see TransformerChainTests.
    public static TheoryData<string> Networks() => [.. ModelCatalog.All.Where(model => model.Name != "cifar-vit" && !model.TakesTokens).Select(model => model.Name)];

    [Theory]
    [MemberData(nameof(Networks))]
    public void Results_are_the_same_bits_on_every_instruction_set_and_for_any_number_of_threads(string name)
    {
        var model = ModelCatalog.Find(name);
        // Small images, of odd sizes further in, and few classes: the layers are the same, and the portable kernels are slow.
        var resolution = Math.Min(model.Resolution, 33);
        var graph = model.Build(new ModelOptions { Resolution = resolution, Classes = 20, Seed = 3 });
        PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
        var images = TestNetwork.Images(5, Images, 3, resolution);
        var int8 = FakeQuantization.Calibrate(graph, new QuantizationSettings(), new CalibrationData([Batch(images, resolution)], Images, Images)).Graph;
        FakeQuantization.Finish(int8, new());

        float[]? want = null;
        foreach (var isa in IsaLevel.All.Select(level => level.Features & Isa.Detected).Distinct())
            foreach (var threads in isa == Isa.Detected ? [1, 2, 3] : (int[])[2])
            {
                var got = Run(int8, images, new Cpu(isa, threads));
                Assert.True(want is null || want.AsSpan().SequenceEqual(got), $"{name}: {isa} with {threads} threads differs.");
                want ??= got;
            }
        Assert.True(want!.Distinct().Count() > 20);
        // One image at a time, without the batch's memory.
        using var engine = EngineBuilder.Build(int8, new EngineOptions { TimeTactics = false });
        using var context = engine.CreateContext();
        context.SetInput(engine.Inputs[0].Name, Tensor.Create(new Shape(1, 3, resolution, resolution), images.Data[..(images.Length / Images)]));
        context.Run();
        Assert.Equal(want![..(want!.Length / Images)], context.Output<float>(engine.Outputs[0].Name).ToArray());
    }

    private static Batch Batch(Tensor<float> images, int resolution)
    {
        var batch = new Batch(Images, new ImageShape(3, resolution, resolution)) { Count = Images };
        images.Data.CopyTo(batch.Images.AsSpan());
        return batch;
    }

    private static float[] Run(Graph graph, Tensor images, Device device)
    {
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = Images, TimeTactics = false }, device);
        using var context = engine.CreateContext();
        context.SetInput(engine.Inputs[0].Name, images);
        context.Run(Images);
        return context.Output<float>(engine.Outputs[0].Name).ToArray();
    }
}
