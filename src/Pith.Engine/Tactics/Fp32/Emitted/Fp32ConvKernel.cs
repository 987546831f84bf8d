using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The code for one tile.</summary>
/// <param name="tile">The output pixels.</param>
/// <param name="restRows">Rows of a smaller tile, which the code has too, at the lower edge of images; 0 where the last tiles overlap others.</param>
/// <param name="code">Its address.</param>
/// <param name="streamingCode">The address of code that stores past the caches, for batches whose results do not fit them; may be that of the other.</param>
internal sealed unsafe class Fp32ConvKernel(TilePattern tile, int restRows, nint code, nint streamingCode)
{
    public TilePattern Tile { get; } = tile;

    public int RestRows { get; } = restRows;

    public void Run(Fp32KernelArgs* args, bool streams) => ((delegate* unmanaged<Fp32KernelArgs*, void>)(streams ? streamingCode : code))(args);
}
