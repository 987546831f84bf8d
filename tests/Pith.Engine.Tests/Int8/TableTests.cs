using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Ops;

namespace Pith.EngineTests.Int8;

/// <summary>Functions of one quantized tensor as tables of 256 bytes.</summary>
public class TableTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(127)]
    [InlineData(1000)]
    public unsafe void Every_byte_is_looked_up_and_nothing_else_is_touched(int count)
    {
        var random = new Random(count);
        var (table, input) = (new byte[256], new byte[count]);
        random.NextBytes(table);
        random.NextBytes(input);
        foreach (var isVector in new[] { false, TableInt8.IsVector(Isa.Detected) })
        {
            var output = new byte[count + 64];
            output.AsSpan().Fill(77);
            fixed (byte* from = input.Length > 0 ? input : [0], to = output, values = table) TableInt8.Map(from, to, count, values, isVector);
            Assert.Equal(Array.ConvertAll(input, value => table[value]), output[..count]);
            Assert.All(output[count..], value => Assert.Equal(77, value));
        }
    }

    [Theory]
    [InlineData(false, 3, 5)]
    [InlineData(true, 3, 5)]
    [InlineData(true, 16, 7)]
    [InlineData(true, 72, 14)]
    public void Gates_with_a_pair_after_every_operator_give_the_bits_of_the_graph_as_written(bool unsigned, int channels, int size)
    {
        var b = new QdqGraphBuilder(channels, unsigned);
        var x = b.Quantized(b.Input(channels, size, size));
        var swish = b.Quantized(b.Graph.Add(new Mul(), x, b.Quantized(b.Graph.Add(new Sigmoid(), x), 1)));
        b.Graph.AddOutput(b.Quantized(b.Graph.Add(new Mul(), b.Quantized(b.Graph.Add(new HardSigmoid(), swish), 1), swish)));
        var data = b.Data(new Shape(2, channels, size, size));
        var want = GraphInterpreter.Run(b.Graph, [data])[0].As<float>().Data;
        foreach (var isa in TestDevice.Levels)
        {
            using var engine = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = 2, TimeTactics = false }, TestDevice.At(isa, 2));
            using var context = engine.CreateContext();
            context.SetInput("x", data);
            context.Run(2);
            Assert.True(want.AsSpan().SequenceEqual(context.Output<float>(engine.Outputs[0].Name)), $"{isa}");
            Assert.Equal(2, engine.Layers.Count(layer => layer.Spec.Kind == LayerKind.Table));
        }
    }
}
