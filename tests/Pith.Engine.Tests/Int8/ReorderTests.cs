using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Tests;
using Pith.Runtime;
using Pith.Tactics;

namespace Pith.EngineTests.Int8;

/// <summary>Values between row-major and channels-last: the bytes of the plain loops, padding and border included, and nothing beyond them.</summary>
public unsafe class ReorderTests
{
    // Batch, channels, pixels: one channel, padded ones, tiles and a bit, several units of work, and one pixel.
    private static readonly int[][] s_shapes =
        [[3, 5], [2, 64], [40, 1000], [2, 7, 9], [1, 196, 192], [2, 8, 8, 8], [1, 1, 4, 3], [3, 3, 5, 7], [2, 58, 7, 7], [1, 96, 56, 56], [2, 130, 17, 19], [2, 19, 1, 1], [1, 24, 3, 4, 5], [0, 8, 2, 2]];

    public static TheoryData<string, string> Cases => new(
        from shape in s_shapes
        from type in new[] { DataType.UInt8, DataType.Int8 }
        select (string.Join(',', shape), type.ToString()));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Both_directions_give_the_reference_s_bytes(string shape, string typeName)
    {
        var (sizes, type) = (Array.ConvertAll(shape.Split(','), int.Parse), Enum.Parse<DataType>(typeName));
        foreach (var (from, to) in new[] { (Layout.RowMajor, Layout.ChannelsLast), (Layout.ChannelsLast, Layout.RowMajor) })
        {
            var (input, output) = (NewSlot(0, type, sizes, from), NewSlot(1, type, sizes, to));
            var layer = new ReorderLayer { Name = "reorder", Nodes = [], Inputs = [input], Outputs = [output] };
            CheckAlike(new Reorder8(), layer, new ReferenceReorder(), sizes[0]);
        }
    }

    [Theory]
    [MemberData(nameof(FloatShapes))]
    public void Floats_in_both_directions(string shape)
    {
        var sizes = Array.ConvertAll(shape.Split(','), int.Parse);
        foreach (var (from, to) in new[] { (Layout.RowMajor, Layout.ChannelsLast), (Layout.ChannelsLast, Layout.RowMajor) })
            foreach (var border in new[] { default, new Border(1, 2, 0, 3, 0) })
            {
                if (!border.IsEmpty && (to == Layout.RowMajor || sizes.Length != 4)) continue;
                var (input, output) = (NewSlot(0, DataType.Float32, sizes, from), NewSlot(1, DataType.Float32, sizes, to));
                output.Border = border;
                CheckAlike(new Reorder32(), new ReorderLayer { Name = "reorder", Nodes = [], Inputs = [input], Outputs = [output] }, new ReferenceReorder(), sizes[0]);
            }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Bytes_are_dequantized_to_row_major(string shape, string typeName)
    {
        var (sizes, type) = (Array.ConvertAll(shape.Split(','), int.Parse), Enum.Parse<DataType>(typeName));
        if (sizes.Length == 2) return;
        var layer = new DequantizeLayer { Name = "dequantize", Nodes = [], Inputs = [NewSlot(0, type, sizes, Layout.ChannelsLast)], Outputs = [NewSlot(1, DataType.Float32, sizes, Layout.RowMajor)], From = new Quantization(0.37f, 11, type) };
        CheckAlike(new Int8Dequantize(), layer, new ReferenceDequantize(), sizes[0]);
    }

    public static TheoryData<string> FloatShapes => new((s_shapes.Append([2, 3, 21, 50]).Append([1, 50, 3, 16]).Append([1, 33, 1, 1]).Append([1, 600, 4, 5])).Where(shape => shape.Length > 2).Select(shape => string.Join(',', shape)));

    private static void CheckAlike(Tactic tactic, Layer layer, Tactic reference, int batch)
    {
        var input = layer.Inputs[0]!;
        using var memory = new GuardedBuffer((input.Bytes(batch) + 3) / 4);
        var start = (byte*)(memory.Pointer + memory.Length) - input.Bytes(batch);
        new Random((int)input.Bytes(1)).NextBytes(new Span<byte>(start, (int)input.Bytes(batch)));
        var want = Run(reference, layer, start, batch, 1);
        foreach (var threads in new[] { 1, 2, 3 })
            Assert.True(want.AsSpan().SequenceEqual(Run(tactic, layer, start, batch, threads)), $"{layer}, {threads} threads");
    }

    private static Slot NewSlot(int index, DataType type, int[] sizes, Layout layout) => new()
    {
        Index = index, Name = $"{layout}", Kind = SlotKind.Computed, DataType = type, Layout = layout,
        Shape = new BatchShape([BatchSize.PerImage(1), .. sizes.Skip(1).Select(BatchSize.Of)]),
    };

    private static byte[] Run(Tactic tactic, Layer layer, byte* input, int batch, int threads)
    {
        var device = TestDevice.At(Isa.Detected, threads);
        Assert.True(tactic.Accept(layer, device).Accepted);
        using var resources = new EngineResources(device);
        var runnable = tactic.Build(layer, new BuildResources(resources, Math.Max(1, batch)));
        using var pool = new WorkerPool(threads);
        using var state = new RunState(device, 2, pool, runnable.ScratchBytes, runnable.SharedScratchBytes) { Batch = batch };
        var bytes = layer.Output.Bytes(batch);
        using var memory = new GuardedBuffer((bytes + 3) / 4);
        var output = (byte*)(memory.Pointer + memory.Length) - bytes;
        new Span<byte>(output, (int)bytes).Fill(0xA5);
        state.SetMemory(layer.Inputs[0]!, input);
        state.SetMemory(layer.Output, output);
        (layer.Output.Border.IsEmpty || runnable.WritesBorder ? runnable : new BorderedLayer(runnable, layer.Output)).Run(state);
        memory.Check();
        return new Span<byte>(output, (int)bytes).ToArray();
    }
}
