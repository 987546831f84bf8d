namespace Pith.Kernels.Simd;

/// <summary>Where the weight of (output k, input c, tap row i, tap column j) of one group lies in its source tensor.</summary>
internal unsafe struct WeightView
{
    /// <summary>Weight of output 0, input 0, tap (0, 0).</summary>
    public float* Data;

    /// <summary>Floats between outputs.</summary>
    public nint OutStride;

    /// <summary>Floats between inputs.</summary>
    public nint InStride;

    /// <summary>Floats between tap rows; negative when taps are walked backwards.</summary>
    public nint TapRowStride;

    /// <summary>Floats between tap columns; negative when taps are walked backwards.</summary>
    public nint TapColumnStride;

    /// <summary>Outputs of the group.</summary>
    public int Outputs;

    /// <summary>Inputs of the group.</summary>
    public int Inputs;

    /// <summary>Tap rows.</summary>
    public int TapRows;

    /// <summary>Tap columns.</summary>
    public int TapColumns;
}

/// <summary>
/// The layout that <see cref="GemmTile{V}"/> reads: outputs in panels of two vectors (the last may be one), and in each panel one row
/// of its outputs for every reduction step (tap row, tap column, input), padded with zeros to whole vectors.
/// </summary>
internal static unsafe class PanelPacking
{
    /// <summary>Outputs rounded up to whole vectors.</summary>
    public static int PaddedOutputs(int outputs, int lanes) => (outputs + lanes - 1) / lanes * lanes;

    /// <summary>Floats that one group takes.</summary>
    public static nint GroupSize(int outputs, nint reduction, int lanes) => PaddedOutputs(outputs, lanes) * reduction;

    /// <summary>Number of panels of a group.</summary>
    public static int Panels(int outputs, int lanes) => (outputs + 2 * lanes - 1) / (2 * lanes);

    /// <summary>Packs items of the weights of all groups, which lie <paramref name="groupStride"/> floats apart in their source.</summary>
    public static void PackGroups(WeightView first, nint groupStride, float* destination, int lanes, int begin, int end)
    {
        var panels = Panels(first.Outputs, lanes);
        var size = GroupSize(first.Outputs, (nint)first.TapRows * first.TapColumns * first.Inputs, lanes);
        for (var item = begin; item < end; item++)
        {
            int group = item / panels, panel = item % panels;
            var weights = first;
            weights.Data += group * groupStride;
            Pack(weights, destination + group * size, lanes, panel, panel + 1);
        }
    }

    /// <summary>Packs panels [<paramref name="begin"/>, <paramref name="end"/>) of one group to <paramref name="destination"/>, the start of the group's block.</summary>
    public static void Pack(in WeightView weights, float* destination, int lanes, int begin, int end)
    {
        nint reduction = (nint)weights.TapRows * weights.TapColumns * weights.Inputs;
        var padded = PaddedOutputs(weights.Outputs, lanes);
        for (var panel = begin; panel < end; panel++)
        {
            var first = panel * 2 * lanes;
            var width = Math.Min(2 * lanes, padded - first);
            PackPanel(weights, destination + first * reduction, first, width);
        }
    }

    private static void PackPanel(in WeightView weights, float* to, int first, int width)
    {
        var used = Math.Min(width, weights.Outputs - first);
        float* panel = weights.Data + first * weights.OutStride;
        nint outStride = weights.OutStride, inStride = weights.InStride;
        for (var i = 0; i < weights.TapRows; i++)
        {
            for (var j = 0; j < weights.TapColumns; j++)
            {
                float* from = panel + i * weights.TapRowStride + j * weights.TapColumnStride;
                for (var c = 0; c < weights.Inputs; c++, from += inStride, to += width)
                {
                    if (outStride == 1) new Span<float>(from, used).CopyTo(new Span<float>(to, used));
                    else for (var k = 0; k < used; k++) to[k] = from[k * outStride];
                    for (var k = used; k < width; k++) to[k] = 0;
                }
            }
        }
    }
}
