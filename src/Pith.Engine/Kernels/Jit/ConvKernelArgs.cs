using System.Runtime.InteropServices;

namespace Pith.Kernels.Jit;

/// <summary>What an emitted convolution kernel is told: one panel of output channels on some tiles of output pixels of one image.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ConvKernelArgs
{
    /// <summary>The image's first window, channel 0 of the panel's group.</summary>
    public byte* Input;

    /// <summary>The image's first output pixel, first channel of the panel.</summary>
    public byte* Output;

    /// <summary>The same of the residual.</summary>
    public byte* Residual;

    public TileOffsets* Tiles;

    /// <summary>At least 1.</summary>
    public nint TileCount;

    /// <summary>The panel's packed weights.</summary>
    public byte* Weights;

    /// <summary>The panel's <see cref="EpilogueConstants"/>.</summary>
    public byte* Panel;

    /// <summary>The layer's <see cref="EpilogueConstants"/>.</summary>
    public byte* Shared;

    /// <summary>Scratch memory of the thread, for kernels that use some.</summary>
    public byte* Scratch;
}

/// <summary>Bytes from the image's first pixel to a tile's.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TileOffsets
{
    public nint Input;
    public nint Output;
    public nint Residual;
}

/// <summary>The output pixels that a kernel computes at once: some rows by some columns, with the bytes from one to the next in all three operands.</summary>
internal readonly record struct TilePattern(int Rows, int Columns)
{
    public int InputRow { get; init; }
    public int InputColumn { get; init; }
    public int OutputRow { get; init; }
    public int OutputColumn { get; init; }
    public int ResidualRow { get; init; }
    public int ResidualColumn { get; init; }

    public int Pixels => Rows * Columns;

    public int Input(int pixel) => pixel / Columns * InputRow + pixel % Columns * InputColumn;

    public int Output(int pixel) => pixel / Columns * OutputRow + pixel % Columns * OutputColumn;

    public int Residual(int pixel) => pixel / Columns * ResidualRow + pixel % Columns * ResidualColumn;
}

/// <summary>
/// The bytes of the input that one output sums over: rows of columns of runs of adjacent bytes. A window whose columns lie next to each other in memory is one run for each row.
/// </summary>
/// <param name="Rows">Rows of the window.</param>
/// <param name="RowBytes">Bytes from row to row.</param>
/// <param name="Columns">Runs in each row.</param>
/// <param name="ColumnBytes">Bytes from run to run.</param>
/// <param name="RunBytes">Bytes of a run, a multiple of 4.</param>
internal readonly record struct ReductionShape(int Rows, int RowBytes, int Columns, int ColumnBytes, int RunBytes)
{
    public int Runs => Rows * Columns;
}

/// <summary>Everything that the code of a convolution kernel depends on.</summary>
internal sealed record ConvKernelSpec(PanelShape Panel, TilePattern Tile, ReductionShape Reduction, EpilogueSpec Epilogue);
