using Pith.Kernels.Reference;
using Pith.Kernels.Simd;

namespace Pith.Kernels.Tests.Fp32;

/// <summary>A convolution problem with random operands in guarded memory, padded by Pad on all sides and by PadEnd more below and to the right; <see cref="ToString"/> is its repro line.</summary>
internal sealed unsafe record ConvCase(
    int N, int H, int W, int C, int K, int R = 3, int S = 3, int Stride = 1, int Dilation = 1, int Pad = 1, int Groups = 1, int PixelSlack = 0, int PadEnd = 0)
{
    public int OutH => (H + 2 * Pad + PadEnd - Dilation * (R - 1) - 1) / Stride + 1;

    public int OutW => (W + 2 * Pad + PadEnd - Dilation * (S - 1) - 1) / Stride + 1;

    public ConvGeometry Geometry => new()
    {
        KernelH = R,
        KernelW = S,
        StrideH = Stride,
        StrideW = Stride,
        DilationH = Dilation,
        DilationW = Dilation,
        PadTop = Pad,
        PadLeft = Pad,
        Groups = Groups,
    };

    public int WeightCount => K * (C / Groups) * R * S;

    /// <summary>Floats of a map whose last pixel has no slack after it.</summary>
    public long MapFloats(int height, int width, int channels) => (long)N * height * width * (channels + PixelSlack) - PixelSlack;

    public FeatureMap InputMap(float* data) => FeatureMap.Create(data, N, H, W, C, C + PixelSlack);

    public FeatureMap OutputMap(float* data) => FeatureMap.Create(data, N, OutH, OutW, K, K + PixelSlack);

    /// <summary>Runs the kernel in uneven slices of its work items, with a workspace that ends at a guard page.</summary>
    public static void RunInSlices(int items, nint workspaceFloats, int slice, WorkRange run)
    {
        using var workspace = new GuardedBuffer(workspaceFloats);
        workspace.Span.Fill(float.NaN);
        for (var begin = 0; begin < items; begin += slice) run(begin, Math.Min(items, begin + slice), workspace.Pointer);
        workspace.Check();
    }

    public delegate void WorkRange(int begin, int end, float* workspace);
}
