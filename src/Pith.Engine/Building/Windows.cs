using Pith.Ops;

namespace Pith.Building;

/// <summary>The windows of ops as the engine's layers have them.</summary>
internal static class Windows
{
    /// <summary>A window over two axes, height first.</summary>
    public static Window Of(ValueList<WindowAxis> axes) => new()
    {
        KernelHeight = axes[0].Kernel,
        KernelWidth = axes[1].Kernel,
        StrideHeight = axes[0].Stride,
        StrideWidth = axes[1].Stride,
        DilationHeight = axes[0].Dilation,
        DilationWidth = axes[1].Dilation,
        PadTop = axes[0].PadBegin,
        PadLeft = axes[1].PadBegin,
        PadBottom = axes[0].PadEnd,
        PadRight = axes[1].PadEnd,
    };

    /// <summary>A window that covers a whole image.</summary>
    public static Window Global(int height, int width) => Window.Point with { KernelHeight = height, KernelWidth = width };
}
