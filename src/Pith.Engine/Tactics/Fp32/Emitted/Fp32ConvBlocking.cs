using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>How an emitted float convolution is cut into panels of output channels and tiles of pixels. A choice of speed only: results do not depend on it.</summary>
internal static class Fp32ConvBlocking
{
    // Zen 4 and 5, Golden Cove: two multiply-adds and two loads in a cycle, results after four.
    private const double PerCycle = 2, Latency = 4;

    // What an epilogue of a vector costs, in multiply-adds.
    private const double EpilogueCost = 6;

    // Weights of a panel that is larger than most of the first-level cache come from the second, a line in so many cycles beside the products; those of a panel of which that cache does not hold two,
    // from further away.
    private const double CloseLineCycles = 0.6, FarLineCycles = 2.4;
    private const int FirstLevelBytes = 32 << 10, HalfSecondLevelBytes = 400 << 10;

    // The first-level cache holds so many lines, and some weights, of which the addresses differ by multiples of its way size.
    private const int Ways = 10, WayBytes = 4096;

    private const int MostVectors = 6;

    /// <summary>Vectors of the panels that are expected to be fastest.</summary>
    /// <param name="image">All pixels that are computed with the same code.</param>
    /// <param name="channels">Output channels of a group.</param>
    /// <param name="steps">Input channels times taps.</param>
    /// <param name="epilogue">What follows.</param>
    public static int Vectors(TilePattern image, int channels, int steps, EpilogueFp32Spec epilogue) =>
        Enumerable.Range(1, Math.Min(MostVectors, EvenParts.Count(channels, PanelShape.Lanes))).MinBy(vectors => Cycles(image, channels, steps, vectors, epilogue));

    /// <summary>The largest tile that fits the registers: one of equal parts of a row, or several whole rows.</summary>
    public static TilePattern Tile(TilePattern image, int vectors, EpilogueFp32Spec epilogue)
    {
        var most = Math.Min(ConvFp32Emitter.LargestTile(vectors, epilogue), MostInCache(image));
        return image.Columns >= most
            ? image with { Rows = 1, Columns = EvenParts.Length(image.Columns, most) }
            : image with { Rows = Math.Min(image.Rows, most / image.Columns) };
    }

    private static double Cycles(TilePattern image, int channels, int steps, int vectors, EpilogueFp32Spec epilogue)
    {
        var (full, rest) = Math.DivRem(EvenParts.Count(channels, PanelShape.Lanes), vectors);
        return full * PanelCycles(image, steps, vectors, epilogue) + (rest > 0 ? PanelCycles(image, steps, rest, epilogue) : 0);
    }

    private static double PanelCycles(TilePattern image, int steps, int vectors, EpilogueFp32Spec epilogue)
    {
        var tile = Tile(image, vectors, epilogue);
        var across = EvenParts.Count(image.Columns, tile.Columns);
        var rest = image.Rows % tile.Rows;
        return image.Rows / tile.Rows * across * TileCycles(tile, steps, vectors) + (rest > 0 ? across * TileCycles(tile with { Rows = rest }, steps, vectors) : 0);
    }

    private static double TileCycles(TilePattern tile, int steps, int vectors)
    {
        var (products, loads) = (tile.Pixels * vectors, tile.Pixels + vectors);
        var panelBytes = (long)steps * vectors * PanelShape.Lanes * sizeof(float);
        var fetched = vectors * panelBytes switch { > HalfSecondLevelBytes => FarLineCycles, > FirstLevelBytes => CloseLineCycles, _ => 0 };
        var step = Math.Max(Math.Max(products, loads + 1) / PerCycle, Latency) + fetched;
        return steps * step + products * EpilogueCost / PerCycle;
    }

    // Pixels whose distance has a large power of two as a factor fall into few sets of the first-level cache: more of them at once than it has ways would miss at every step.
    private static int MostInCache(TilePattern image) => Ways * (WayBytes / Math.Min(WayBytes, image.InputColumn & -image.InputColumn));
}
