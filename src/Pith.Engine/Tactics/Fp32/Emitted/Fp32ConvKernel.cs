using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The code for one tile.</summary>
/// <param name="tile">The output pixels.</param>
/// <param name="code">Its address.</param>
internal sealed unsafe class Fp32ConvKernel(TilePattern tile, nint code)
{
    public TilePattern Tile { get; } = tile;

    public void Run(ConvKernelArgs* args) => ((delegate* unmanaged<ConvKernelArgs*, void>)code)(args);
}
