using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Tests;
using Pith.Runtime;
using Pith.Tactics;

namespace Pith.EngineTests.Int8;

/// <summary>8-bit values between row-major and channels-last: the bytes of the plain loops, padding included, and nothing beyond them.</summary>
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
            using var memory = new GuardedBuffer((input.Bytes(sizes[0]) + 3) / 4);
            var start = (byte*)(memory.Pointer + memory.Length) - input.Bytes(sizes[0]);
            new Random(sizes[^1]).NextBytes(new Span<byte>(start, (int)input.Bytes(sizes[0])));
            var want = Run(new ReferenceReorder(), layer, start, sizes[0], 1);
            foreach (var threads in new[] { 1, 2, 3 })
                Assert.True(want.AsSpan().SequenceEqual(Run(new Reorder8(), layer, start, sizes[0], threads)), $"{layer}, {threads} threads");
        }
    }

    private static Slot NewSlot(int index, DataType type, int[] sizes, Layout layout) => new()
    {
        Index = index, Name = $"{layout}", Kind = SlotKind.Computed, DataType = type, Layout = layout,
        Shape = new BatchShape([BatchSize.PerImage(1), .. sizes.Skip(1).Select(BatchSize.Of)]),
    };

    private static byte[] Run(Tactic tactic, ReorderLayer layer, byte* input, int batch, int threads)
    {
        var device = new Device(Isa.Detected, threads);
        Assert.True(tactic.Accept(layer, device).Accepted);
        using var resources = new EngineResources(device);
        var runnable = tactic.Build(layer, new BuildResources(resources, Math.Max(1, batch)));
        using var pool = new WorkerPool(threads);
        using var state = new RunState(2, pool, runnable.ScratchBytes, runnable.SharedScratchBytes) { Batch = batch };
        var bytes = layer.Output.Bytes(batch);
        using var memory = new GuardedBuffer((bytes + 3) / 4);
        var output = (byte*)(memory.Pointer + memory.Length) - bytes;
        new Span<byte>(output, (int)bytes).Fill(0xA5);
        state.SetMemory(layer.Input, input);
        state.SetMemory(layer.Output, output);
        runnable.Run(state);
        memory.Check();
        return new Span<byte>(output, (int)bytes).ToArray();
    }
}
