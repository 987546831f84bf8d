using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Int8;

/// <summary>
/// <see cref="PixelTableInt8"/> for images of three channels on CPUs with AVX512-VBMI: 64 pixels at a time, looked up as <see cref="TableInt8"/> does.
/// </summary>
internal static unsafe class PixelTableVbmi
{
    private const int Pixels = 64;

    // Offsets in the constants: after the tables, index vectors for two instructions each.
    private const int ChannelPatterns = 3 * 256, PixelPatterns = ChannelPatterns + 3 * 2 * Pixels, ConstantBytes = PixelPatterns + 4 * 2 * Pixels;

    /// <summary>Whether images can be done by this kernel.</summary>
    public static bool Fits(int channels, int width, CpuFeatures isa) => TableInt8.IsVector(isa) && channels == 3 && width >= Pixels;

    /// <summary>The tables, [3, 256], and the index vectors that take pixels apart and put them together.</summary>
    public static byte[] Constants(ReadOnlySpan<byte> tables)
    {
        var constants = new byte[ConstantBytes];
        tables.CopyTo(constants);
        for (var i = 0; i < Pixels; i++)
        {
            // Byte i of a channel is byte 3 i + channel of three vectors: from the first two, then that or from the third.
            for (var channel = 0; channel < 3; channel++)
            {
                var (at, from) = (ChannelPatterns + 2 * Pixels * channel + i, 3 * i + channel);
                constants[at] = (byte)(from % (2 * Pixels));
                constants[at + Pixels] = (byte)(from < 2 * Pixels ? i : from - Pixels);
            }
            // Byte i of a quarter is channel i % 4 of a pixel: from red and green, then that or from blue. The fourth is cleared afterwards.
            for (var quarter = 0; quarter < 4; quarter++)
            {
                var (at, pixel) = (PixelPatterns + 2 * Pixels * quarter + i, 16 * quarter + i / 4);
                constants[at] = (byte)(i % 4 == 1 ? Pixels + pixel : pixel);
                constants[at + Pixels] = (byte)(i % 4 == 2 ? Pixels + pixel : i);
            }
        }
        return constants;
    }

    /// <summary>Some rows of one image. A row that is not a multiple of 64 pixels ends with 64 that begin earlier.</summary>
    /// <param name="from">The first element of the first row.</param>
    /// <param name="plane">Bytes from plane to plane; 0 for an interleaved image, whose rows are three times as long.</param>
    /// <param name="constants">From <see cref="Constants"/>.</param>
    /// <param name="to">The first pixel of the first row of the result.</param>
    /// <param name="rowBytes">Bytes from row to row of the result.</param>
    /// <param name="width">Pixels of a row, at least 64.</param>
    /// <param name="rows">Rows.</param>
    public static void Rows(byte* from, nint plane, byte* constants, byte* to, nint rowBytes, int width, int rows)
    {
        for (; rows > 0; rows--, to += rowBytes, from += plane == 0 ? 3 * width : width)
        {
            if (plane == 0) Interleaved(from, constants, to, width);
            else Planes(from, from + plane, from + 2 * plane, constants, to, width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Planes(byte* red, byte* green, byte* blue, byte* constants, byte* to, int width)
    {
        for (var x = 0; x < width; x += Pixels)
        {
            x = Math.Min(x, width - Pixels);
            Store(Vector512.Load(red + x), Vector512.Load(green + x), Vector512.Load(blue + x), constants, to + 4 * x);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Interleaved(byte* from, byte* constants, byte* to, int width)
    {
        for (var x = 0; x < width; x += Pixels)
        {
            x = Math.Min(x, width - Pixels);
            Vector512<byte> first = Vector512.Load(from + 3 * x), second = Vector512.Load(from + 3 * x + Pixels), third = Vector512.Load(from + 3 * x + 2 * Pixels);
            Store(Channel(first, second, third, constants, 0), Channel(first, second, third, constants, 1), Channel(first, second, third, constants, 2), constants, to + 4 * x);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Channel(Vector512<byte> first, Vector512<byte> second, Vector512<byte> third, byte* constants, int channel)
    {
        var patterns = constants + ChannelPatterns + 2 * Pixels * channel;
        return Avx512Vbmi.PermuteVar64x8x2(Avx512Vbmi.PermuteVar64x8x2(first, Vector512.Load(patterns), second), Vector512.Load(patterns + Pixels), third);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<byte> red, Vector512<byte> green, Vector512<byte> blue, byte* constants, byte* to)
    {
        red = TableInt8.LookUp(red, constants);
        green = TableInt8.LookUp(green, constants + 256);
        blue = TableInt8.LookUp(blue, constants + 512);
        for (var quarter = 0; quarter < 4; quarter++, to += Pixels)
        {
            var patterns = constants + PixelPatterns + 2 * Pixels * quarter;
            var pixels = Avx512Vbmi.PermuteVar64x8x2(Avx512Vbmi.PermuteVar64x8x2(red, Vector512.Load(patterns), green), Vector512.Load(patterns + Pixels), blue);
            (pixels & Vector512.Create(0x00FFFFFFu).AsByte()).Store(to);
        }
    }
}
