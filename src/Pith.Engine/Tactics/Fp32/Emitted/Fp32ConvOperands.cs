using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The operands of a float convolution as emitted kernels see them: which pixels are computed, where their windows start, and which bytes a window covers.</summary>
internal sealed class Fp32ConvOperands
{
    public Fp32ConvOperands(ContractionLayer layer)
    {
        var window = layer.Window;
        (GroupIn, GroupOut) = (layer.Channels / layer.Groups, layer.OutChannels / layer.Groups);
        Groups = layer.Groups / JoinedGroups(layer.Groups, GroupOut);
        (InputPixel, OutputPixel) = (layer.Channels * sizeof(float), layer.OutChannels * sizeof(float));
        IsFlat = window == Window.Point && layer.Input.Border.IsEmpty && layer.Output.Border.IsEmpty && layer.Residual?.Border.IsEmpty != false;
        NeedsCopy = window.IsPadded && !layer.Input.Border.Covers(window);
        (Height, Width) = layer.OutputSize;
        CopyColumns = (Width - 1) * window.StrideWidth + (window.KernelWidth - 1) * window.DilationWidth + 1;
        CopyRows = (Height - 1) * window.StrideHeight + (window.KernelHeight - 1) * window.DilationHeight + 1;
        // Flat operands, which may have any rank, are never asked for rows.
        InputRow = NeedsCopy ? (nint)CopyColumns * InputPixel : IsFlat ? 0 : layer.Input.RowBytes;
        InputImage = NeedsCopy ? CopyRows * InputRow : IsFlat ? 0 : layer.Input.ImageBytes;
        Origin = NeedsCopy ? 0 : -(window.PadTop * InputRow + window.PadLeft * InputPixel);
        // Columns that lie next to each other are one run.
        Reduction = Groups == 1 && window.DilationWidth == 1
            ? new ReductionShape(window.KernelHeight, (int)(window.DilationHeight * InputRow), 1, 0, window.KernelWidth * InputPixel)
            : new ReductionShape(window.KernelHeight, (int)(window.DilationHeight * InputRow), window.KernelWidth, window.DilationWidth * InputPixel, InputPixel / Groups);
        var (output, residual) = (layer.Output, layer.Residual);
        Image = IsFlat
            ? new TilePattern(1, Height * Width) { InputColumn = InputPixel, OutputColumn = OutputPixel, ResidualColumn = OutputPixel }
            : new TilePattern(Height, Width)
            {
                InputRow = (int)(window.StrideHeight * InputRow),
                InputColumn = window.StrideWidth * InputPixel,
                OutputRow = (int)output.RowBytes,
                OutputColumn = OutputPixel,
                ResidualRow = (int)(residual?.RowBytes ?? 0),
                ResidualColumn = residual is null ? 0 : OutputPixel,
            };
    }

    /// <summary>Groups after small ones were joined, so that their outputs fill a vector; weights between channels of different groups are 0.</summary>
    public int Groups { get; }

    /// <summary>Input channels of one of the op's own groups.</summary>
    public int GroupIn { get; }

    /// <summary>Output channels of one of the op's own groups.</summary>
    public int GroupOut { get; }

    /// <summary>Output rows.</summary>
    public int Height { get; }

    /// <summary>Output columns.</summary>
    public int Width { get; }

    /// <summary>Pixels of all images lie one behind the other in all operands and windows are points: a matrix product.</summary>
    public bool IsFlat { get; }

    /// <summary>All pixels of an image, one row for flat operands.</summary>
    public TilePattern Image { get; }

    /// <summary>Whether windows reach over what lies in memory, so that a padded copy of the images is read.</summary>
    public bool NeedsCopy { get; }
    public int CopyRows { get; }
    public int CopyColumns { get; }

    /// <summary>Bytes of an input pixel.</summary>
    public int InputPixel { get; }

    /// <summary>Bytes of an output pixel.</summary>
    public int OutputPixel { get; }

    /// <summary>Bytes from row to row of what is read.</summary>
    public nint InputRow { get; }

    /// <summary>Bytes from image to image of what is read.</summary>
    public nint InputImage { get; }

    /// <summary>Bytes from an image's first pixel to its first window.</summary>
    public nint Origin { get; }

    /// <summary>What an output sums over.</summary>
    public ReductionShape Reduction { get; }

    private static int JoinedGroups(int groups, int groupOut)
    {
        for (var join = Math.Min(groups, PanelShape.Lanes / groupOut); join > 1; join--)
            if (groups % join == 0) return join;
        return 1;
    }
}
