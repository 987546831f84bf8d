using System.Runtime.InteropServices;

namespace Pith.Kernels.Jit;

/// <summary>What an emitted convolution kernel is told: some panels of output channels of one group on some blocks of output pixels; all blocks of a panel before the next panel.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ConvKernelArgs
{
    /// <summary>Where blocks count from: the first window, channel 0 of the group.</summary>
    public byte* Input;

    /// <summary>Where blocks count from: the first output pixel, first channel of the first panel.</summary>
    public byte* Output;

    /// <summary>The same of the residual.</summary>
    public byte* Residual;

    public BlockOffsets* Blocks;

    /// <summary>At least 1; may be 0 when there are rest blocks.</summary>
    public nint BlockCount;

    /// <summary>Blocks of fewer rows, for kernels that have some, see <see cref="ConvKernelSpec.RestRows"/>.</summary>
    public BlockOffsets* RestBlocks;

    /// <summary>May be 0 when there are other blocks.</summary>
    public nint RestCount;

    /// <summary>At least 1.</summary>
    public nint PanelCount;

    /// <summary>The first panel's packed weights; those of the next follow.</summary>
    public byte* Weights;

    /// <summary>The weights that the thread reads after those of the last panel; they are fetched meanwhile.</summary>
    public byte* NextWeights;

    /// <summary>The first panel's constants, which begin with the values that sums start from; those of the next follow.</summary>
    public byte* Panel;

    /// <summary>The constants of all panels.</summary>
    public byte* Shared;

    /// <summary>Scratch memory of the thread, for kernels that use some.</summary>
    public byte* Scratch;
}

/// <summary>Bytes from the first pixel of an operand to a block's first.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BlockOffsets
{
    public nint Input;
    public nint Output;
    public nint Residual;
}

/// <summary>The output pixels that a kernel computes at once: some rows by some columns, with the bytes from one to the next in all three operands.</summary>
internal readonly record struct PixelBlock(int Rows, int Columns)
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
internal sealed record ConvKernelSpec(PanelShape Panel, PixelBlock Block, ReductionShape Reduction, ConvArithmetic Arithmetic)
{
    /// <summary>While a panel is used, the weights after it are fetched into the second-level cache: one line at every so many steps. 0 for kernels that leave that to the processor.</summary>
    public int FetchSteps { get; init; }

    /// <summary>Bytes before their use at which weights are fetched into the first-level cache; 0 for never.</summary>
    public int FetchAhead { get; init; }

    /// <summary>Rows of the blocks that come after the others; 0 where there are none.</summary>
    public int RestRows { get; init; }

    /// <summary>What follows in a kernel of INT8 layers, which kernels without AVX-512 all are.</summary>
    public EpilogueSpec Int8Epilogue => ((Int8ConvArithmetic)Arithmetic).Spec;

    /// <summary>Bytes from the results of a panel to those of the next.</summary>
    public int OutputPanelBytes => Panel.Capacity * Arithmetic.OutputBytes;

    /// <summary>Bytes from the residual of a panel to that of the next.</summary>
    public int ResidualPanelBytes => Panel.Capacity * Arithmetic.ResidualBytes;
}
