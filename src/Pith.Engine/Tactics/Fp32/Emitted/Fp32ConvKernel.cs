using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The code for one tile.</summary>
/// <param name="tile">The output pixels.</param>
/// <param name="code">Its address.</param>
/// <param name="streamingCode">The address of code that stores past the caches, for batches whose results do not fit them; may be that of the other.</param>
internal sealed unsafe class Fp32ConvKernel(TilePattern tile, nint code, nint streamingCode)
{
    public TilePattern Tile { get; } = tile;

    public void Run(ConvKernelArgs* args, bool streams) => ((delegate* unmanaged<ConvKernelArgs*, void>)(streams ? streamingCode : code))(args);
}
