using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Kernels.Tests;

namespace Pith.EngineTests.Bf16;

/// <summary>Rounding to bfloat16, by plain C# and by emitted code.</summary>
public unsafe class Bf16RoundingTests
{
    [Theory]
    [InlineData(0x3F800000, 0x3F80)]
    [InlineData(0x3F808000, 0x3F80)]
    [InlineData(0x3F808001, 0x3F81)]
    [InlineData(0x3F818000, 0x3F82)]
    [InlineData(0x3F817FFF, 0x3F81)]
    [InlineData(0x80000000, 0x8000)]
    [InlineData(0x7F7F7FFF, 0x7F7F)]
    [InlineData(0x7F7F8000, 0x7F80)]
    [InlineData(0xFF7FFFFF, 0xFF80)]
    [InlineData(0x7F800000, 0x7F80)]
    [InlineData(0x00800000, 0x0080)]
    public void Numbers_round_to_the_nearest_ties_to_even(uint bits, int expected) => Assert.Equal(expected, Bfloat16.Round(BitConverter.UInt32BitsToSingle(bits)));

    [Theory]
    [InlineData(0x7FC00000)]
    [InlineData(0x7F800001)]
    [InlineData(0xFFFFFFFF)]
    public void Nan_stays_nan(uint bits) => Assert.True(float.IsNaN(Bfloat16.Widen(Bfloat16.Round(BitConverter.UInt32BitsToSingle(bits)))));

    [Fact]
    public void The_nearest_is_not_further_than_any_other()
    {
        var random = new Random(1);
        for (var i = 0; i < 10_000; i++)
        {
            var value = (random.NextSingle() * 2 - 1) * MathF.Pow(2, random.Next(-100, 100));
            var rounded = Bfloat16.Round(value);
            double Distance(int bits) => Math.Abs((double)Bfloat16.Widen((ushort)bits) - value);
            Assert.True(Distance(rounded) <= Math.Min(Distance(rounded - 1), Distance(rounded + 1)), $"{value:R} became {Bfloat16.Widen(rounded):R}");
        }
    }

    // Pixels, channels, elements of a pixel of the copy, floats between pixels.
    [Theory]
    [InlineData(1, 1, 2, 1)]
    [InlineData(7, 3, 4, 3)]
    [InlineData(5, 3, 4, 6)]
    [InlineData(4, 16, 16, 16)]
    [InlineData(3, 17, 32, 34)]
    [InlineData(2, 1, 32, 1)]
    [InlineData(3, 47, 64, 47)]
    [InlineData(1, 300, 300, 300)]
    public void Emitted_copies_are_rounded_and_padded_and_stay_within_their_memory(int pixels, int channels, int padded, int stride)
    {
        if (!TestDevice.Has(CpuFeatures.Avx512Bf16)) Assert.Skip("This CPU has no AVX512-BF16.");
        using var arena = new CodeArena();
        var code = (delegate* unmanaged<Bf16CopyArgs*, void>)arena.Get("copy", "copy", new Bf16CopyEmitter().Emit);
        var random = new Random(channels);
        using var from = new GuardedBuffer((pixels - 1) * stride + channels);
        foreach (ref var value in from.Span) value = BitConverter.Int32BitsToSingle(random.Next() << random.Next(2));
        using var to = new GuardedBuffer((pixels * padded + 1) / 2);
        var copy = (ushort*)(to.Pointer + to.Length) - pixels * padded;
        var vectors = channels / PanelShape.Lanes;
        var args = new Bf16CopyArgs
        {
            From = (byte*)from.Pointer, To = (byte*)copy, Pixels = pixels, FromStride = stride * sizeof(float), ToStride = padded * sizeof(ushort),
            Vectors = vectors, RestMask = (1L << (channels - 16 * vectors)) - 1, PaddedRestMask = (1L << (padded - 16 * vectors)) - 1,
        };
        code(&args);
        from.Check();
        to.Check();
        for (var i = 0; i < pixels * padded; i++)
        {
            var (pixel, channel) = (i / padded, i % padded);
            var value = channel < channels ? from.Pointer[pixel * stride + channel] : 0;
            // The instruction takes denormal numbers for 0 of their sign.
            var expected = float.IsSubnormal(value) ? Bfloat16.Round(MathF.CopySign(0, value)) : Bfloat16.Round(value);
            Expect.That(expected == copy[i] || (float.IsNaN(value) && float.IsNaN(Bfloat16.Widen(copy[i]))), $"pixel {pixel}, channel {channel}: {value:R} became {Bfloat16.Widen(copy[i]):R}");
        }
    }
}
