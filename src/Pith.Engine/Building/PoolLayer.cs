namespace Pith.Building;

/// <summary>
/// Maximum or average over windows of images [N, C, H, W]. The maximum works on float and on 8-bit values alike; the average on float (no quantization), or on 8-bit values with an exact
/// integer sum: value = float(sum - count * zero point) * multiplier, where multiplier = input scale / count (/ output scale), rounded once to float.
/// </summary>
internal sealed class PoolLayer : Layer
{
    public required bool IsMax { get; init; }

    public required Window Window { get; init; }

    /// <summary>Padding counts in the divisor of an average.</summary>
    public bool CountIncludesPadding { get; init; }

    /// <summary>For an average of 8-bit values: how they are quantized.</summary>
    public Quantization? InputQuantization { get; init; }

    /// <summary>How the result of an average is quantized; null for float.</summary>
    public Quantization? OutputQuantization { get; init; }

    public Slot Input => Inputs[0]!;

    public bool IsGlobal => !Window.IsPadded && Window.KernelHeight == Input.Height && Window.KernelWidth == Input.Width;

    public override string Precision => Input.DataType.IsQuantized() ? "int8" : "float32";

    public override LayerSpec SpecAt(int maxBatch) => new()
    {
        Kind = !IsMax && IsGlobal ? LayerKind.GlobalAveragePool : LayerKind.Pool,
        Input = Input.DataType,
        Output = Output.DataType,
        Images = Input.Shape.Size(0, maxBatch),
        Channels = Input.Channels,
        Height = Input.Height,
        Width = Input.Width,
        OutChannels = Input.Channels,
        Window = !IsMax && IsGlobal ? default : Window,
        Detail = IsMax ? "max" : CountIncludesPadding ? "average, padding counts" : "average",
        Activation = "",
    };

    /// <summary>How many elements the window at output (<paramref name="y"/>, <paramref name="x"/>) averages over.</summary>
    public int Count(int y, int x) => Inside(y, Window.KernelHeight, Window.StrideHeight, Window.DilationHeight, Window.PadTop, Window.PadBottom, Input.Height)
        * Inside(x, Window.KernelWidth, Window.StrideWidth, Window.DilationWidth, Window.PadLeft, Window.PadRight, Input.Width);

    private int Inside(int output, int kernel, int stride, int dilation, int padBegin, int padEnd, int size)
    {
        var (from, to) = CountIncludesPadding ? (-padBegin, size + padEnd) : (0, size);
        var count = 0;
        for (var k = 0; k < kernel; k++)
            if (output * stride + k * dilation - padBegin is var at && at >= from && at < to) count++;
        return count;
    }
}
