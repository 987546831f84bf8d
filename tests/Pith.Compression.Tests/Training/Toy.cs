using Pith.Compression.Data;
using Pith.Ops;

namespace Pith.Compression.Tests.Training;

/// <summary>A task of a moment: are the stripes of a noisy 8 x 8 picture horizontal, vertical, or is there a bright spot.</summary>
internal sealed class ToyDataset(int seed, int count) : ImageDataset
{
    public const int Side = 8;

    public override string Name => $"toy {seed}";

    public override int Count => count;

    public override IReadOnlyList<string> ClassNames => ["horizontal", "vertical", "spot"];

    public override ImageShape? Shape => new(1, Side, Side);

    public override Preprocessing DefaultPreprocessing => Preprocessing.Raw;

    public override int Label(int index) => index % 3;

    public override Sample Load(int index)
    {
        var random = new Random(seed * 100_003 + index);
        var (phase, label) = (random.Next(4), Label(index));
        var (spotX, spotY) = (random.Next(Side - 2), random.Next(Side - 2));
        var pixels = new float[Side * Side];
        for (var y = 0; y < Side; y++)
            for (var x = 0; x < Side; x++)
            {
                var signal = label switch
                {
                    0 => (y + phase) / 2 % 2 == 0,
                    1 => (x + phase) / 2 % 2 == 0,
                    _ => x >= spotX && x < spotX + 3 && y >= spotY && y < spotY + 3,
                };
                pixels[y * Side + x] = (signal ? 1 : -1) + (float)(random.NextDouble() - 0.5);
            }
        return new Sample(label, pixels, Shape!.Value);
    }
}

/// <summary>Networks small enough to be trained by the reference kernels within a second.</summary>
internal static class Toy
{
    public static Preprocessing Preprocessing { get; } = new() { Mean = [0], Std = [1] };

    public static TrainingData Data { get; } = new(new ToyDataset(1, 192), new ToyDataset(2, 96), Preprocessing);

    /// <summary>In FP32, so that tests see the same numbers on every machine.</summary>
    public static TrainingSettings Settings { get; } = new()
    {
        Precision = TrainingPrecision.Fp32,
        Epochs = 4, BatchSize = 32, LearningRate = 0.1, CropPadding = 0, Flip = false, Optimizer = new SgdSettings { Momentum = 0.9, WeightDecay = 1e-4 },
    };

    /// <summary>Conv 1 to 8, BN, Relu, Conv 8 to 8, BN, Relu, global average, Gemm to 3.</summary>
    public static Graph Network(int seed = 7)
    {
        var random = new Random(seed);
        var graph = new Graph("toy");
        var x = graph.AddInput("images", TensorType.Float32(Dim.Named("N"), 1, ToyDataset.Side, ToyDataset.Side));
        var y = ConvBlock(graph, random, "conv1", x, 1, 8);
        y = ConvBlock(graph, random, "conv2", y, 8, 8);
        y = graph.AddNode(new GlobalAveragePool(), [y], "pool").Output;
        y = graph.AddNode(new Flatten(), [y], "flatten").Output;
        y = graph.AddNode(new Gemm { TransB = true }, [y, Weight(graph, random, "fc.weight", 8, 3, 8), graph.AddConstant("fc.bias", Tensor.Zeros<float>(new Shape(3)))], "fc", ["logits"]).Output;
        graph.AddOutput(y);
        return graph;
    }

    /// <summary>The values of a constant.</summary>
    public static float[] Constant(Graph graph, string name) => graph.Find(name)!.Constant!.As<float>().Data;

    /// <summary>All constants in name order, for bitwise comparison.</summary>
    public static float[] AllConstants(Graph graph) =>
        [.. graph.Constants.Where(value => value.Type.DataType == DataType.Float32).OrderBy(value => value.Name, StringComparer.Ordinal).SelectMany(value => value.Constant!.As<float>().Data)];

    private static Value ConvBlock(Graph graph, Random random, string name, Value x, int inputs, int outputs)
    {
        var weight = Weight(graph, random, $"{name}.weight", inputs * 9, outputs, inputs, 3, 3);
        var y = graph.AddNode(new Conv { Window = new WindowAttributes { Pads = [1, 1, 1, 1] } }, [x, weight], name).Output;
        Value Channels(string suffix, float value) => graph.AddConstant($"{name}.bn.{suffix}", Tensor.Create(new Shape(outputs), Enumerable.Repeat(value, outputs).ToArray()));
        y = graph.AddNode(new BatchNormalization(), [y, Channels("scale", 1), Channels("shift", 0), Channels("mean", 0), Channels("variance", 1)], $"{name}.bn").Output;
        return graph.AddNode(new Relu(), [y], $"{name}.relu").Output;
    }

    private static Value Weight(Graph graph, Random random, string name, int fanIn, params int[] dims)
    {
        var shape = new Shape(dims);
        var deviation = Math.Sqrt(2.0 / fanIn);
        return graph.AddConstant(name, Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => (float)((random.NextDouble() * 2 - 1) * deviation)).ToArray()));
    }
}
