using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Pith.Kernels.Int8;

namespace Pith.Kernels.Tests;

/// <summary>Kernels of INT8 tiles against plain sums, bit for bit. Those of ARM64 run here with their instruction written out, there as it is.</summary>
public sealed unsafe class TileKernelTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 9)]
    [InlineData(3, 7)]
    [InlineData(9, 64)]
    public void Every_kernel_gives_the_plain_sums(int segments, int steps)
    {
        Check<Tile_u8s8s32_2x16c4_vector128>(segments, steps);
        Check<Tile_u8s8s32_2x16c4_dotprod<WrittenOutDotProduct>>(segments, steps);
        if (Dp.IsSupported) Check<Tile_u8s8s32_2x16c4_dotprod<ArmDotProduct>>(segments, steps);
    }

    private static void Check<TTile>(int segments, int steps) where TTile : struct, ITileKernelInt8
    {
        const int Panel = TileInt8.Panel, Step = TileInt8.Step;
        var random = new Random(segments * 1000 + steps);
        var bytes = steps * Step;
        var pixels = new byte[TTile.Rows * segments * bytes];
        var weights = new sbyte[segments * steps * Panel * Step];
        random.NextBytes(pixels);
        random.NextBytes(MemoryMarshal.AsBytes(weights.AsSpan()));
        // The ends of both ranges, and a start that makes the sum wrap.
        (pixels[0], weights[0], weights[^1]) = (255, sbyte.MinValue, sbyte.MaxValue);
        var start = Enumerable.Range(0, Panel).Select(k => k == 3 ? int.MaxValue : random.Next(-1000, 1000)).ToArray();
        var packed = new byte[segments * steps * TTile.StepBytes];
        var sums = new int[TTile.Rows * Panel];
        fixed (byte* x = pixels, w = packed)
        fixed (sbyte* plain = weights)
        fixed (int* from = start, to = sums)
        {
            for (var step = 0; step < segments * steps; step++) TTile.PackStep(plain + step * Panel * Step, w + step * TTile.StepBytes);
            var starts = stackalloc byte*[TTile.Rows];
            for (var row = 0; row < TTile.Rows; row++) starts[row] = x + row * segments * bytes;
            var offsets = stackalloc nint[segments];
            for (var s = 0; s < segments; s++) offsets[s] = s * bytes;
            var tile = new TileInt8 { Pixels = starts, SegmentOffsets = offsets, Segments = segments, Steps = steps, Weights = w, Start = from, Accumulators = to };
            TTile.Run(&tile);
        }
        for (var row = 0; row < TTile.Rows; row++)
            for (var k = 0; k < Panel; k++)
            {
                var expected = start[k];
                for (var i = 0; i < segments * bytes; i++) expected += pixels[row * segments * bytes + i] * weights[(i / Step * Panel + k) * Step + i % Step];
                Assert.True(expected == sums[row * Panel + k], $"{typeof(TTile).Name}, {segments} segments of {steps} steps, row {row}, channel {k}: expected {expected}, got {sums[row * Panel + k]}");
            }
    }

    private readonly struct WrittenOutDotProduct : IDotProduct
    {
        public static Vector128<uint> Add(Vector128<uint> sums, Vector128<byte> left, Vector128<byte> right)
        {
            for (var lane = 0; lane < 4; lane++)
                for (var i = 0; i < 4; i++) sums = sums.WithElement(lane, sums[lane] + (uint)left[lane * 4 + i] * right[lane * 4 + i]);
            return sums;
        }
    }
}
