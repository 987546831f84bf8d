namespace Pith.Kernels.Simd;

/// <summary>Interleaves the planes of an image with few channels, as network inputs have.</summary>
internal static unsafe class InterleavedPlanes
{
    /// <summary>More planes are a matrix to transpose.</summary>
    public const int Most = 4;

    /// <summary>Writes pixels [<paramref name="columns"/>, <paramref name="planes"/>) of one row; neighbouring planes are <paramref name="stride"/> elements apart.</summary>
    public static void Run(uint* from, nint stride, uint* to, int planes, int columns, CpuFeatures isa)
    {
        if (planes == 3 && isa.VectorBytes == 64)
        {
            TripleCopy.Interleave(from, stride, to, columns);
            return;
        }
        for (var column = 0; column < columns; column++)
            for (var plane = 0; plane < planes; plane++) to[column * planes + plane] = from[plane * stride + column];
    }
}
