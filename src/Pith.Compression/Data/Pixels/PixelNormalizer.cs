namespace Pith.Compression.Data;

/// <summary>
/// Writes 8-bit HWC pixels as normalised float32 CHW through one 256-entry table per channel: an entry is rounded exactly where
/// torchvision rounds (after the scale, after the subtraction, after the division). Immutable after construction.
/// </summary>
internal sealed class PixelNormalizer
{
    private readonly float[][] _tables; // [channel][sample]
    private readonly bool _reversed; // the network takes B, G, R

    /// <exception cref="PithException">The preprocessing makes no sense.</exception>
    public PixelNormalizer(Preprocessing preprocessing)
    {
        preprocessing.Checked();
        _reversed = preprocessing.Bgr && preprocessing.Channels == 3;
        _tables = new float[preprocessing.Channels][];
        for (var c = 0; c < _tables.Length; c++) _tables[c] = Table(preprocessing.Scale, preprocessing.Mean[c], preprocessing.Std[c]);
    }

    /// <summary>Writes the image, which has as many channels as the preprocessing, into <paramref name="chw"/> of the same height and width.</summary>
    public void Write(Image image, PixelShift shift, Span<float> chw)
    {
        var plane = image.Width * image.Height;
        if (image.Channels != _tables.Length || chw.Length != plane * _tables.Length)
            throw new ArgumentException($"The output has {chw.Length} elements, expected {_tables.Length}x{image.Height}x{image.Width}.", nameof(chw));
        for (var c = 0; c < _tables.Length; c++)
            for (var y = 0; y < image.Height; y++)
                WriteRow(image, c, y + shift.Y, shift, chw.Slice(c * plane + y * image.Width, image.Width));
    }

    private void WriteRow(Image image, int channel, int fromY, PixelShift shift, Span<float> row)
    {
        var table = _tables[channel];
        row.Fill(table[0]);
        if (fromY < 0 || fromY >= image.Height) return;
        var samples = image.Pixels.Span.Slice(fromY * image.Width * image.Channels, image.Width * image.Channels);
        var (first, end) = shift.ColumnsInside(image.Width);
        for (int x = first, from = (first + shift.X) * image.Channels + (_reversed ? 2 - channel : channel); x < end; x++, from += image.Channels) row[x] = table[samples[from]];
        if (shift.Mirrored) row.Reverse();
    }

    private static float[] Table(double scale, float mean, float std)
    {
        var table = new float[256];
        for (var sample = 0; sample < table.Length; sample++) table[sample] = ((float)(sample * scale) - mean) / std;
        return table;
    }
}
