using Pith.Building;
using Pith.Kernels.Int8;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Cuts an INT8 convolution into parts: bands of output rows, and within a band runs of channel panels.</summary>
internal static unsafe class BandedParts
{
    // Input and output of a band stay in the second-level cache while all panels pass over them.
    private const int BandBytes = 256 << 10;

    // About five microseconds: less is not worth handing to another thread.
    private const double PartSeconds = 5e-6;

    // A band of fewer pixels leaves tiles mostly empty.
    private const int LeastPixels = 24;

    /// <summary>The geometry of a layer, with the largest band that is worth having.</summary>
    public static BandInt8 Create(ContractionLayer layer)
    {
        var bands = new BandInt8
        {
            Height = layer.InputSize.Height,
            Width = layer.InputSize.Width,
            PixelBytes = layer.Input.PixelBytes,
            RowBytes = layer.Input.RowBytes,
            ImageBytes = layer.Input.ImageBytes,
            NeedsCopy = layer.Window.IsPadded && !layer.Input.Border.Covers(layer.Window),
            IsFlat = layer.Window == Window.Point && layer.Input.Border.IsEmpty && layer.Output.Border.IsEmpty && layer.Residual?.Border.IsEmpty != false,
            ZeroPoint = (byte)layer.Int8!.Input.StoredZeroPoint,
            OutHeight = layer.OutputSize.Height,
            OutWidth = layer.OutputSize.Width,
            Window = layer.Window,
        };
        if (bands.IsFlat) (bands.Height, bands.Width, bands.OutWidth, bands.RowBytes) = (1, 1, 1, bands.PixelBytes);
        bands.Rows = LargestBand(bands, layer.Output.PixelBytes);
        return bands;
    }

    /// <summary>Images that bands are counted in: flat, all images are one.</summary>
    public static int Images(ContractionLayer layer, in BandInt8 bands, int batch) => bands.IsFlat ? 1 : layer.Images(batch);

    /// <summary>Binds the run's addresses and batch, and makes bands small enough for all threads to have some.</summary>
    /// <returns>The number of parts that a band's panels should be cut into.</returns>
    public static int Bind(ContractionLayer layer, ref BandInt8 bands, RunState state, double seconds)
    {
        bands.Input = state.Address(layer.Input);
        if (bands.IsFlat) bands.OutHeight = checked(layer.Images(state.Batch) * layer.InputSize.Height * layer.InputSize.Width);
        var threads = state.Pool.Threads;
        if (threads == 1) return 1;
        var wanted = (int)Math.Clamp(seconds * state.Batch / PartSeconds, 1, 6 * threads);
        var images = Images(layer, bands, state.Batch);
        var perImage = (wanted + images - 1) / images;
        var least = Math.Min(bands.Rows, (LeastPixels + bands.OutWidth - 1) / bands.OutWidth);
        bands.Rows = Math.Clamp((bands.OutHeight + perImage - 1) / perImage, least, bands.Rows);
        return Math.Max(1, wanted / (images * bands.Count));
    }

    private static int LargestBand(BandInt8 bands, int outputPixelBytes)
    {
        long Bytes(int rows) => ((long)bands.CopyRows(rows) * bands.CopyColumns * bands.PixelBytes) + ((long)rows * bands.OutWidth * outputPixelBytes);
        var rows = bands.IsFlat ? BandBytes / (bands.PixelBytes + outputPixelBytes) : bands.OutHeight;
        while (rows > 1 && Bytes(rows) > BandBytes) rows--;
        return Math.Max(rows, 1);
    }
}
