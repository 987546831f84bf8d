using Pith.Building;
using Pith.EngineTests.Int8;
using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Kernels.Tests;
using Pith.Ops;
using Pith.Runtime;
using Pith.Tactics;

namespace Pith.EngineTests;

/// <summary>Windows at the edge of what a graph can say: padding on any side, longer than the kernel too, dilations, odd and tiny images. Kernels give the reference's results and touch nothing outside their operands.</summary>
public sealed unsafe class HostileWindowTests
{
    public static TheoryData<int> Seeds() => new(Enumerable.Range(1, 12));

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Convolutions_of_every_kind_and_instruction_set(int seed)
    {
        var random = new Random(seed);
        for (var trial = 0; trial < 3; trial++)
        {
            var isQuantized = random.Next(3) > 0;
            var (graph, shape) = Network(random, isQuantized, x: out var data);
            var options = new EngineOptions { MaxBatch = shape[0], TimeTactics = false };
            float[] expected;
            using (var reference = EngineBuilder.Build(graph, options with { ReferenceOnly = true }, TestDevice.At(IsaLevel.Portable))) expected = Guarded(reference, data);
            foreach (var isa in TestDevice.Levels)
            {
                using var probe = EngineBuilder.Build(graph, options, TestDevice.At(isa));
                RequireSame(expected, Guarded(probe, data), isQuantized, $"seed {seed}.{trial} {isa}: {string.Join(" / ", probe.Layers.Select(layer => $"{layer.Spec} by {layer.Tactic}"))}");
                // One of the other tactics of each layer, too.
                var planned = probe.Layers.Where(layer => layer.Verdicts.Any(verdict => verdict.Accepted)).DistinctBy(layer => layer.Name).ToDictionary(
                    layer => layer.Name, layer => new PlannedTactic(layer.Spec.ToString(), Any(random, layer), "test", new Dictionary<string, double>()));
                using var other = EngineBuilder.Build(graph, options, TestDevice.At(isa), planned: planned);
                RequireSame(expected, Guarded(other, data), isQuantized, $"seed {seed}.{trial} {isa}: {string.Join(" / ", other.Layers.Select(layer => $"{layer.Spec} by {layer.Tactic}"))}");
            }
        }
    }

    public static TheoryData<DataType, bool> Pools() => new(from type in new[] { DataType.Float32, DataType.UInt8 } from isMax in new[] { true, false } select (type, isMax));

    [Theory]
    [MemberData(nameof(Pools))]
    public void Pools_whose_windows_may_lie_in_the_padding_alone(DataType type, bool isMax)
    {
        var random = new Random(1);
        for (var trial = 0; trial < 150; trial++)
        {
            var (layer, x) = Pool(random, type, isMax);
            var expected = Run(new ReferencePool(), layer, x, TestDevice.At(IsaLevel.Portable));
            foreach (var isa in TestDevice.Levels)
                foreach (var tactic in TestDevice.At(isa).TacticsFor(layer).Where(tactic => tactic is not ReferencePool && tactic.Accept(layer, TestDevice.At(isa)).Accepted))
                    RequireSame(expected, Run(tactic, layer, x, TestDevice.At(isa)), isExact: type == DataType.UInt8 || isMax, $"trial {trial} {isa} {tactic.Name}: {layer.SpecAt(1)}");
        }
    }

    private static string Any(Random random, LayerInfo layer)
    {
        var accepted = layer.Verdicts.Where(verdict => verdict.Accepted).ToArray();
        return accepted[random.Next(accepted.Length)].Tactic;
    }

    private static (Graph Graph, Shape Input) Network(Random random, bool isQuantized, out Tensor<float> x)
    {
        var b = new QdqGraphBuilder(random.Next(), unsigned: random.Next(2) == 0);
        var (batch, channels, height, width) = (random.Next(1, 4), random.Next(1, 36), random.Next(1, 12), random.Next(1, 12));
        Value Stored(Value value) => isQuantized ? b.Quantized(value) : value;
        var y = Stored(b.Input(channels, height, width));
        for (var layer = 0; layer < 2; layer++)
        {
            var kernel = random.Next(1, 5);
            var dilation = random.Next(1, 4);
            // Room for one window at least.
            var room = (kernel - 1) * dilation + 1;
            int Pad(int size, int other) => Math.Max(random.Next(0, 7), room - size - other);
            var (top, left) = (random.Next(0, 7), random.Next(0, 7));
            var window = new WindowAttributes
            {
                Strides = ValueList.Create<int>([random.Next(1, 5), random.Next(1, 5)]),
                Dilations = ValueList.Repeat(dilation, 2),
                Pads = ValueList.Create<int>([top, left, Pad(y.Type[2].Size, top), Pad(y.Type[3].Size, left)]),
            };
            var groups = random.Next(3) switch { 0 => channels, 1 when channels % 2 == 0 => 2, _ => 1 };
            var outChannels = groups == channels ? channels : groups * random.Next(1, 24);
            y = Stored(b.Graph.Add(new Relu(), b.Conv(y, channels, outChannels, kernel, window, groups, bias: isQuantized)));
            channels = outChannels;
        }
        b.Graph.AddOutput(y);
        var shape = new Shape(batch, b.Graph.Inputs[0].Type[1].Size, height, width);
        x = b.Data(shape);
        return (b.Graph, shape);
    }

    private static float[] Guarded(Engine engine, Tensor x)
    {
        using var guarded = new GuardedRun(engine);
        return guarded.Run(x);
    }

    private static (PoolLayer Layer, Tensor X) Pool(Random random, DataType type, bool isMax)
    {
        var (kernel, dilation, stride) = (random.Next(1, 4), random.Next(1, 4), random.Next(1, 4));
        var (channels, height, width) = (random.Next(1, 70), random.Next(1, 8), random.Next(1, 8));
        int Pad() => random.Next(0, 9);
        var window = new Window { KernelHeight = kernel, KernelWidth = kernel, DilationHeight = dilation, DilationWidth = dilation, StrideHeight = stride, StrideWidth = stride, PadTop = Pad(), PadLeft = Pad(), PadBottom = Pad() + 7, PadRight = Pad() + 7 };
        int Out(int size, int pads) => (size + pads - (kernel - 1) * dilation - 1) / stride + 1;
        var input = Slot(0, type, 2, channels, height, width);
        var output = Slot(1, type, 2, channels, Out(height, window.PadTop + window.PadBottom), Out(width, window.PadLeft + window.PadRight));
        var quantization = type == DataType.UInt8 && !isMax ? new Quantization(0.05f, 7, DataType.UInt8) : (Quantization?)null;
        var layer = new PoolLayer
        {
            Name = "pool", Nodes = [], Inputs = [input], Outputs = [output], IsMax = isMax, Window = window, CountIncludesPadding = random.Next(2) == 0,
            InputQuantization = quantization, OutputQuantization = quantization,
        };
        var x = Tensor.Zeros(type, new Shape(2, channels, height, width));
        if (x is Tensor<float> floats) foreach (ref var value in floats.Span) value = random.NextSingle() - 0.5f;
        else random.NextBytes(x.Bytes);
        return (layer, x);
    }

    private static Slot Slot(int index, DataType type, params ReadOnlySpan<int> dims) => new()
    {
        Index = index, Name = $"slot {index}", Kind = SlotKind.Computed, DataType = type, Shape = BatchShape.Fixed(new Shape(dims)), Layout = Layout.ChannelsLast,
    };

    // Operands end at a page that may not be accessed; what lies before them is not theirs either.
    private static float[] Run(Tactic tactic, PoolLayer layer, Tensor x, Device device)
    {
        const int slack = 64;
        using var resources = new EngineResources(device);
        var runnable = tactic.Build(layer, new BuildResources(resources, 1));
        using var pool = new WorkerPool(2);
        using var state = new RunState(device, 2, pool, runnable.ScratchBytes, runnable.SharedScratchBytes) { Batch = 1 };
        using GuardedBuffer input = new((layer.Input.Bytes(1) + slack + 3) / 4), output = new((layer.Output.Bytes(1) + slack + 3) / 4);
        state.SetMemory(layer.Input, (byte*)(input.Pointer + input.Length) - slack - layer.Input.Bytes(1));
        state.SetMemory(layer.Output, (byte*)(output.Pointer + output.Length) - slack - layer.Output.Bytes(1));
        SlotTensors.Write(layer.Input, state, x);
        runnable.Run(state);
        input.Check();
        output.Check();
        var y = SlotTensors.Read(layer.Output, state);
        return y is Tensor<float> floats ? floats.Data : [.. y.Bytes.ToArray().Select(value => (float)value)];
    }

    private static void RequireSame(float[] expected, float[] got, bool isExact, string what)
    {
        Assert.Equal(expected.Length, got.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (expected[i].Equals(got[i]) || (!isExact && Math.Abs(expected[i] - got[i]) <= 1e-4f * (1 + Math.Abs(expected[i])))) continue;
            Assert.Fail($"{what}: element {i} is {got[i]}, expected {expected[i]}.");
        }
    }
}
