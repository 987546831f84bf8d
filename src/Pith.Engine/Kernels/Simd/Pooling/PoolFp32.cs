namespace Pith.Kernels.Simd;

/// <summary>The window of a pooling op.</summary>
internal struct PoolWindow
{
    /// <summary>Rows and columns of the window.</summary>
    public int KernelH, KernelW;

    /// <summary>Input rows and columns between outputs.</summary>
    public int StrideH, StrideW;

    /// <summary>Input rows and columns between taps.</summary>
    public int DilationH, DilationW;

    /// <summary>Padding around the input.</summary>
    public int PadTop, PadLeft, PadBottom, PadRight;

    /// <summary>A square window without dilation.</summary>
    public static PoolWindow Square(int kernel, int stride, int pad = 0) => new()
    {
        KernelH = kernel,
        KernelW = kernel,
        StrideH = stride,
        StrideW = stride,
        DilationH = 1,
        DilationW = 1,
        PadTop = pad,
        PadLeft = pad,
        PadBottom = pad,
        PadRight = pad,
    };

    /// <summary>The window along H.</summary>
    public readonly TapAxis H => new() { Offset = -PadTop, Step = DilationH, Count = KernelH, Stride = StrideH };

    /// <summary>The window along W.</summary>
    public readonly TapAxis W => new() { Offset = -PadLeft, Step = DilationW, Count = KernelW, Stride = StrideW };
}

/// <summary>Operands of max or average pooling, or of its gradient.</summary>
internal struct PoolFp32Args
{
    /// <summary>Input of the forward pass [N, H, W, C]; not read by the gradient of average pooling.</summary>
    public required FeatureMap X;

    /// <summary>Forward: output [N, OH, OW, C]. Gradient: the output's gradient, which is read.</summary>
    public required FeatureMap Y;

    /// <summary>The window.</summary>
    public required PoolWindow Window;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>Gradient of the input, overwritten; the shape of <see cref="X"/>. Unused by the forward pass.</summary>
    public FeatureMap DX;

    /// <summary>Non-zero: averages count padding (but not what a window of ceil_mode covers beyond it).</summary>
    public int CountIncludePad;
}

/// <summary>
/// Max and average pooling and their gradients. An item of a forward pass is an output row; an item of a gradient is an image, whose
/// windows are visited in order, so overlapping windows add up the same way on any number of threads.
/// </summary>
internal static unsafe class PoolFp32
{
    /// <summary>Number of work items of the forward passes.</summary>
    public static int WorkItems(PoolFp32Args* args) => args->Y.Images * args->Y.Height;

    /// <summary>Number of work items of the gradients.</summary>
    public static int GradientItems(PoolFp32Args* args) => args->Y.Images;

    /// <summary>Computes items of Y = the largest element of each window; -infinity where a window holds padding only.</summary>
    public static void RunMax(PoolFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: MaxPoolKernel<Vec512>.Run(args, begin, end); break;
            case 8: MaxPoolKernel<Vec256>.Run(args, begin, end); break;
            default: MaxPoolKernel<Vec128>.Run(args, begin, end); break;
        }
    }

    /// <summary>Computes items of DX: each gradient goes to the largest element of its window, of equal ones the first in row-major order.</summary>
    public static void RunMaxGradient(PoolFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: MaxPoolKernel<Vec512>.RunGradient(args, begin, end); break;
            case 8: MaxPoolKernel<Vec256>.RunGradient(args, begin, end); break;
            default: MaxPoolKernel<Vec128>.RunGradient(args, begin, end); break;
        }
    }

    /// <summary>Computes items of Y = the mean of each window.</summary>
    public static void RunAverage(PoolFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: AveragePoolKernel<Vec512>.Run(args, begin, end); break;
            case 8: AveragePoolKernel<Vec256>.Run(args, begin, end); break;
            default: AveragePoolKernel<Vec128>.Run(args, begin, end); break;
        }
    }

    /// <summary>Computes items of DX: each gradient is shared out evenly among its window.</summary>
    public static void RunAverageGradient(PoolFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: AveragePoolKernel<Vec512>.RunGradient(args, begin, end); break;
            case 8: AveragePoolKernel<Vec256>.RunGradient(args, begin, end); break;
            default: AveragePoolKernel<Vec128>.RunGradient(args, begin, end); break;
        }
    }

    /// <summary>Zeros the input gradient of one image.</summary>
    internal static void Clear(in FeatureMap map, int image)
    {
        for (var h = 0; h < map.Height; h++)
        {
            if (map.PixelStride == map.Channels) new Span<float>(map.At(image, h, 0), map.Width * map.Channels).Clear();
            else for (var w = 0; w < map.Width; w++) new Span<float>(map.At(image, h, w), map.Channels).Clear();
        }
    }
}

/// <summary>The window of one output: where its taps inside the input start, and how many they are.</summary>
internal readonly struct PoolCell
{
    /// <summary>First input row and column.</summary>
    public int Row { get; }

    /// <summary>First input column.</summary>
    public int Column { get; }

    /// <summary>Taps along H that lie inside.</summary>
    public int Rows { get; }

    /// <summary>Taps along W that lie inside.</summary>
    public int Columns { get; }

    public PoolCell(in TapAxis h, in TapAxis w, in FeatureMap input, int outputRow, int outputColumn)
    {
        (Row, Rows) = Inside(h, input.Height, outputRow);
        (Column, Columns) = Inside(w, input.Width, outputColumn);
    }

    private static (int First, int Count) Inside(in TapAxis axis, int length, int output)
    {
        var first = axis.First(output);
        var skipped = first >= 0 ? 0 : Math.Min((-first + axis.Step - 1) / axis.Step, axis.Count);
        first += skipped * axis.Step;
        return (first, first >= length ? 0 : Math.Min((length - 1 - first) / axis.Step + 1, axis.Count - skipped));
    }
}
