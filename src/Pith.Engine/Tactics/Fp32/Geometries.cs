using Pith.Kernels;
using Pith.Kernels.Simd;

namespace Pith.Tactics;

/// <summary>Windows of layers as kernels have them.</summary>
internal static class Geometries
{
    public static ConvGeometry Of(Window window, int groups) => new()
    {
        KernelH = window.KernelHeight,
        KernelW = window.KernelWidth,
        StrideH = window.StrideHeight,
        StrideW = window.StrideWidth,
        DilationH = window.DilationHeight,
        DilationW = window.DilationWidth,
        PadTop = window.PadTop,
        PadLeft = window.PadLeft,
        Groups = groups,
    };

    public static PoolWindow Of(Window window) => new()
    {
        KernelH = window.KernelHeight,
        KernelW = window.KernelWidth,
        StrideH = window.StrideHeight,
        StrideW = window.StrideWidth,
        DilationH = window.DilationHeight,
        DilationW = window.DilationWidth,
        PadTop = window.PadTop,
        PadLeft = window.PadLeft,
        PadBottom = window.PadBottom,
        PadRight = window.PadRight,
    };
}
