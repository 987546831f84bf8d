using System.Numerics;

namespace Pith.Compression.Data;

/// <summary>
/// Resizing with antialias, bit-identical to Pillow's: a filter whose support grows with the reduction, applied along rows and then along
/// columns with 22-bit fixed-point coefficients, each pass rounded and clipped to 8 bits.
/// </summary>
internal static class Resampling
{
    /// <summary>Fraction bits of a coefficient: 8 bits of sample and 2 of headroom are left in an int32 sum.</summary>
    private const int PrecisionBits = 32 - 8 - 2;

    private const int Half = 1 << (PrecisionBits - 1);

    /// <summary>
    /// The part <paramref name="window"/> of the image resized to <paramref name="width"/> x <paramref name="height"/>. Only that part is
    /// computed: each output pixel depends on its own few inputs, so that cropping before or after gives the same bits.
    /// </summary>
    public static Image Resize(Image source, int width, int height, CropWindow window, ResamplingFilter filter = ResamplingFilter.Bilinear)
    {
        if (width == source.Width && height == source.Height && window == new CropWindow(0, 0, width, height)) return source;
        return Resize(source, new CropWindow(0, 0, source.Width, source.Height), width, height, window, filter);
    }

    /// <summary>The part <paramref name="region"/> of the image cut out and resized to <paramref name="width"/> x <paramref name="height"/>; pixels beside it have no influence.</summary>
    public static Image Resize(Image source, CropWindow region, int width, int height, ResamplingFilter filter) => Resize(source, region, width, height, new CropWindow(0, 0, width, height), filter);

    private static Image Resize(Image source, CropWindow region, int width, int height, CropWindow window, ResamplingFilter filter)
    {
        ImageDecoder.CheckSize(window.Width, window.Height, "resized", Image.DefaultMaxPixels);
        var columns = Coefficients.Of(region.Width, width, window.Left, window.Width, filter);
        var rows = Coefficients.Of(region.Height, height, window.Top, window.Height, filter);

        // Rows of the source that any output row needs; the intermediate image holds only those.
        var firstRow = rows.First[0];
        var rowCount = rows.First[^1] + rows.Count[^1] - firstRow;
        var narrowed = Horizontal(source, region with { Top = region.Top + firstRow, Height = rowCount }, columns);
        return new Image(window.Width, window.Height, source.Channels, Vertical(narrowed, window.Width * source.Channels, firstRow, rows));
    }

    private static byte[] Horizontal(Image source, CropWindow region, Coefficients columns)
    {
        var channels = source.Channels;
        var output = new byte[checked(region.Height * columns.First.Length * channels)];
        for (var y = 0; y < region.Height; y++)
        {
            var from = source.Pixels.Span.Slice(((region.Top + y) * source.Width + region.Left) * channels, region.Width * channels);
            var to = output.AsSpan(y * columns.First.Length * channels, columns.First.Length * channels);
            if (channels == 3) NarrowRgbRow(from, to, columns);
            else NarrowGreyRow(from, to, columns);
        }
        return output;
    }

    private static void NarrowRgbRow(ReadOnlySpan<byte> from, Span<byte> to, Coefficients columns)
    {
        for (var x = 0; x < columns.First.Length; x++)
        {
            var weights = columns.Weights(x);
            var taps = from.Slice(columns.First[x] * 3, weights.Length * 3);
            int red = Half, green = Half, blue = Half;
            for (var k = 0; k < weights.Length; k++)
            {
                var weight = weights[k];
                red += taps[3 * k] * weight;
                green += taps[3 * k + 1] * weight;
                blue += taps[3 * k + 2] * weight;
            }
            (to[3 * x], to[3 * x + 1], to[3 * x + 2]) = (ToByte(red), ToByte(green), ToByte(blue));
        }
    }

    private static void NarrowGreyRow(ReadOnlySpan<byte> from, Span<byte> to, Coefficients columns)
    {
        for (var x = 0; x < columns.First.Length; x++)
        {
            var weights = columns.Weights(x);
            var taps = from.Slice(columns.First[x], weights.Length);
            var sum = Half;
            for (var k = 0; k < weights.Length; k++) sum += taps[k] * weights[k];
            to[x] = ToByte(sum);
        }
    }

    private static byte[] Vertical(byte[] input, int rowBytes, int firstRow, Coefficients rows)
    {
        var output = new byte[checked(rows.First.Length * rowBytes)];
        var sums = new int[rowBytes];
        for (var y = 0; y < rows.First.Length; y++)
        {
            Array.Fill(sums, Half);
            var weights = rows.Weights(y);
            for (var k = 0; k < weights.Length; k++) AddWeighted(input.AsSpan((rows.First[y] - firstRow + k) * rowBytes, rowBytes), weights[k], sums);
            var to = output.AsSpan(y * rowBytes, rowBytes);
            for (var x = 0; x < to.Length; x++) to[x] = ToByte(sums[x]);
        }
        return output;
    }

    /// <summary>sums += row * weight.</summary>
    private static void AddWeighted(ReadOnlySpan<byte> row, int weight, Span<int> sums)
    {
        var x = 0;
        for (; x <= row.Length - Vector<byte>.Count; x += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(row[x..]), out var low, out var high);
            AddWeighted(low, weight, sums[x..]);
            AddWeighted(high, weight, sums[(x + Vector<ushort>.Count)..]);
        }
        for (; x < row.Length; x++) sums[x] += row[x] * weight;
    }

    private static void AddWeighted(Vector<ushort> samples, int weight, Span<int> sums)
    {
        Vector.Widen(samples, out var low, out var high);
        (new Vector<int>(sums) + Vector.AsVectorInt32(low) * weight).CopyTo(sums);
        (new Vector<int>(sums[Vector<int>.Count..]) + Vector.AsVectorInt32(high) * weight).CopyTo(sums[Vector<int>.Count..]);
    }

    private static byte ToByte(int sum) => (byte)Math.Clamp(sum >> PrecisionBits, 0, 255);

    /// <summary>For each output position of a window: the first input it reads, how many, and their weights.</summary>
    private sealed class Coefficients(int[] first, int[] count, int[] weights, int stride)
    {
        public int[] First => first;

        public int[] Count => count;

        public ReadOnlySpan<int> Weights(int position) => weights.AsSpan(position * stride, count[position]);

        /// <param name="inputs">Length of the axis.</param>
        /// <param name="outputs">Length it is resized to.</param>
        /// <param name="offset">First output position wanted.</param>
        /// <param name="length">Number of output positions wanted.</param>
        /// <param name="filter">The weights.</param>
        public static Coefficients Of(int inputs, int outputs, int offset, int length, ResamplingFilter filter)
        {
            var scale = (double)inputs / outputs;
            var stretch = Math.Max(scale, 1);
            var support = ResamplingKernel.Support(filter) * stretch; // half the width of the filter, in input samples
            var stride = (int)Math.Ceiling(support) * 2 + 1;
            var (first, count, weights) = (new int[length], new int[length], new int[checked(length * stride)]);
            var taps = new double[stride];
            for (var i = 0; i < length; i++)
            {
                var center = (offset + i + 0.5) * scale;
                first[i] = Math.Max(0, (int)(center - support + 0.5));
                count[i] = Math.Min(inputs, (int)(center + support + 0.5)) - first[i];
                var total = 0.0;
                for (var k = 0; k < count[i]; k++)
                    total += taps[k] = ResamplingKernel.Weight(filter, (k + first[i] - center + 0.5) * (1 / stretch));
                for (var k = 0; k < count[i]; k++)
                    weights[i * stride + k] = Rounded(taps[k] / total * (1 << PrecisionBits));
            }
            return new Coefficients(first, count, weights, stride);
        }

        private static int Rounded(double weight) => (int)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
}
