using System.Runtime.InteropServices;

namespace Pith.Kernels.Jit;

/// <summary>What an emitted float kernel is told: some panels of output channels of one group on some tiles of output pixels.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Fp32KernelArgs
{
    /// <summary>Where tiles count from: the first window, channel 0 of the group.</summary>
    public byte* Input;

    /// <summary>Where tiles count from: the first output pixel, first channel of the first panel.</summary>
    public byte* Output;

    /// <summary>The same of the residual.</summary>
    public byte* Residual;

    public TileOffsets* Tiles;

    /// <summary>May be 0 when there are rest tiles.</summary>
    public nint TileCount;

    /// <summary>Tiles of fewer rows, at the lower edge of images.</summary>
    public TileOffsets* RestTiles;

    /// <summary>May be 0 when there are tiles.</summary>
    public nint RestCount;

    /// <summary>At least 1.</summary>
    public nint PanelCount;

    /// <summary>The first panel's packed weights; those of the next follow.</summary>
    public byte* Weights;

    /// <summary>The first panel's biases; those of the next follow.</summary>
    public byte* Biases;

    /// <summary>What <see cref="ActivationFp32Emitter.Fill"/> wrote.</summary>
    public byte* Constants;
}
