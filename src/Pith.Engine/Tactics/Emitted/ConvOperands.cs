using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The operands of an emitted convolution as its kernels see them: where windows start, how far pixels are apart, and which bytes a window covers.</summary>
internal sealed class ConvOperands
{
    /// <param name="layer">The layer.</param>
    /// <param name="isDepthwise">True to see a depthwise convolution as one group whose panels each read their own channels.</param>
    /// <param name="joinedChannels">Neighbouring pixels of a depthwise convolution of stride 1 that have fewer channels, and together this many, are seen as one pixel.</param>
    public ConvOperands(ContractionLayer layer, bool isDepthwise, int joinedChannels = 0)
        : this(layer, layer.Window, sizeof(byte), layer.Input.PixelBytes, layer.Groups == 1 ? 1 : isDepthwise ? layer.Groups : ConvInt8Packing.GroupsToJoin(layer.Groups, layer.Channels / layer.Groups, layer.OutChannels / layer.Groups), isDepthwise: isDepthwise)
    {
        var channels = layer.Channels;
        var joined = joinedChannels / channels;
        var isDense = PixelBytes == channels && layer.Output.PixelBytes == channels && (layer.Residual is null || layer.Residual.PixelBytes == channels);
        if (!isDepthwise || joined < 2 || joinedChannels % channels != 0 || Image.Columns % joined != 0 || layer.Window.StrideWidth != 1 || !isDense) return;
        JoinedPixels = joined;
        GroupChannels *= joined;
        Image = Image with { Columns = Image.Columns / joined, InputColumn = Image.InputColumn * joined, OutputColumn = Image.OutputColumn * joined, ResidualColumn = Image.ResidualColumn * joined };
    }

    // isCopy: reads a copy whatever the padding; joinsImages: pixels of several images may be one row, see IsFlat.
    private ConvOperands(ContractionLayer layer, Window window, int operandBytes, int pixelBytes, int joinedGroups, bool isDepthwise = false, bool isCopy = false, int slackBytes = 0, bool joinsImages = false)
    {
        PixelBytes = pixelBytes;
        NeedsCopy = isCopy || (window.IsPadded && !layer.Input.Border.Covers(window));
        IsDepthwise = isDepthwise;
        (GroupIn, GroupOut) = (layer.Channels / layer.Groups, layer.OutChannels / layer.Groups);
        Groups = layer.Groups / joinedGroups;
        GroupBytes = Groups == 1 ? PixelBytes : joinedGroups * GroupIn * operandBytes;
        var (output, residual) = (layer.Output, layer.Residual);
        // Without groups the padding channels of a byte result are written too.
        GroupChannels = Groups == 1 && output.IsQuantized ? output.PixelBytes : joinedGroups * GroupOut;
        var (height, width) = layer.OutputSize;
        var (firstRow, firstColumn) = (-layer.Window.PadTop, -layer.Window.PadLeft);
        var (stepRows, stepColumns) = layer.Phase is { } phase ? (phase.Rows.Stride, phase.Columns.Stride) : (1, 1);
        CopyArea = layer.Phase?.Area ?? new ImageArea(
            firstRow, firstColumn, (height - 1) * window.StrideHeight + (window.KernelHeight - 1) * window.DilationHeight + 1, (width - 1) * window.StrideWidth + (window.KernelWidth - 1) * window.DilationWidth + 1);
        RowBytes = NeedsCopy ? (nint)CopyArea.Columns * PixelBytes : layer.IsGemm ? PixelBytes : layer.Input.RowBytes;
        ImageBytes = NeedsCopy ? CopyArea.Rows * RowBytes + slackBytes : layer.IsGemm ? PixelBytes : layer.Input.ImageBytes;
        Origin = NeedsCopy ? (firstRow - CopyArea.Row) * RowBytes + (firstColumn - CopyArea.Column) * PixelBytes : firstRow * RowBytes + firstColumn * PixelBytes;
        OutputImage = ImageBytesOf(layer, output);
        ResidualImage = residual is null ? 0 : ImageBytesOf(layer, residual);
        (OutputOrigin, ResidualOrigin) = (OriginOf(layer.Phase, output), residual is null ? 0 : OriginOf(layer.Phase, residual));
        // Dense pointwise images are one long row, so that blocks need not stop at row ends.
        var isRow = layer.Phase is null && window == Window.Point && (NeedsCopy || layer.Input.Border.IsEmpty) && output.Border.IsEmpty && residual?.Border.IsEmpty != false;
        IsFlat = layer.Phase is null && window == Window.Point && (height * width == 1 || (isRow && joinsImages));
        var (rows, columns) = isRow ? (1, height * width) : (height, width);
        Image = new PixelBlock(rows, columns)
        {
            InputRow = (int)(window.StrideHeight * RowBytes),
            InputColumn = window.StrideWidth * PixelBytes,
            OutputRow = stepRows * (int)output.RowBytes,
            OutputColumn = IsFlat ? (int)(OutputImage / columns) : stepColumns * output.PixelBytes,
            ResidualRow = stepRows * (int)(residual?.RowBytes ?? 0),
            ResidualColumn = IsFlat ? (int)(ResidualImage / columns) : stepColumns * residual?.PixelBytes ?? 0,
        };
        if (IsFlat) Image = Image with { InputColumn = (int)(ImageBytes / columns) };
        // Columns that lie next to each other are one run.
        Reduction = isDepthwise ? new ReductionShape(window.KernelHeight, (int)(window.DilationHeight * RowBytes), window.KernelWidth, window.DilationWidth * PixelBytes, 1)
            : Groups == 1 && window.DilationWidth == 1
            ? new ReductionShape(window.KernelHeight, (int)(window.DilationHeight * RowBytes), 1, 0, window.KernelWidth * PixelBytes)
            : new ReductionShape(window.KernelHeight, (int)(window.DilationHeight * RowBytes), window.KernelWidth, window.DilationWidth * PixelBytes, GroupBytes);
    }

    /// <summary>The operands of a float layer without groups that reads copies of its images in bfloat16. Kernels read <paramref name="stepBytes"/> of a run at a time, the last of which may lie beyond it.</summary>
    public static ConvOperands OfBf16(ContractionLayer layer, int stepBytes)
    {
        // Beyond a run lies the next pixel, which has weights of 0, or what follows the image. Infinity times 0 is not 0: neither may be another image.
        var isPoint = layer.WeightPlaces.Taps == 1;
        var step = isPoint ? stepBytes : ConvVnniEmitter.StepBytes;
        var pixelBytes = EvenParts.Count(layer.Channels * sizeof(ushort), step) * step;
        // A window of one tap needs nothing but the pixels that it meets.
        return new ConvOperands(layer, isPoint && layer.Phase is null ? Window.Point : layer.Window, sizeof(ushort), pixelBytes, joinedGroups: 1, isCopy: true, slackBytes: stepBytes - step)
        {
            CopyStepRows = isPoint ? layer.Window.StrideHeight : 1,
            CopyStepColumns = isPoint ? layer.Window.StrideWidth : 1,
        };
    }

    /// <summary>The operands of a float layer. Small groups are joined so that their outputs fill a vector.</summary>
    public static ConvOperands OfFp32(ContractionLayer layer)
    {
        var join = Math.Max(1, Math.Min(layer.Groups, PanelShape.Lanes * layer.Groups / layer.OutChannels));
        while (layer.Groups % join != 0) join--;
        return new ConvOperands(layer, layer.Window, sizeof(float), layer.Channels * sizeof(float), join, joinsImages: true);
    }

    /// <summary>Each output channel sees the one input channel of the same number; runs are then single bytes.</summary>
    public bool IsDepthwise { get; }

    /// <summary>Neighbouring pixels that are seen as one with all their channels, see the constructor.</summary>
    public int JoinedPixels { get; } = 1;

    /// <summary>Groups after small ones were joined; weights between channels of different groups are 0.</summary>
    public int Groups { get; }

    /// <summary>Bytes of each pixel that belong to a group.</summary>
    public int GroupBytes { get; }

    /// <summary>Output channels of a group that are stored.</summary>
    public int GroupChannels { get; }

    /// <summary>Input channels of one of the op's own groups.</summary>
    public int GroupIn { get; }

    /// <summary>Output channels of one of the op's own groups.</summary>
    public int GroupOut { get; }

    /// <summary>The output pixels of an image, in one row where all lie next to each other, with the bytes from one to the next in all operands.</summary>
    public PixelBlock Image { get; }

    /// <summary>Whether windows reach over what lies in memory, so that a padded copy of the images is read.</summary>
    public bool NeedsCopy { get; }

    /// <summary>The pixels of the copy, in rows and columns of its own; the first is where the image has it.</summary>
    public ImageArea CopyArea { get; }

    /// <summary>Rows of the image from a row of the copy to the next.</summary>
    public int CopyStepRows { get; private init; } = 1;

    /// <summary>Columns of the image from a column of the copy to the next.</summary>
    public int CopyStepColumns { get; private init; } = 1;

    /// <summary>Bytes of an input pixel.</summary>
    public int PixelBytes { get; }

    /// <summary>Bytes from row to row of what is read.</summary>
    public nint RowBytes { get; }

    /// <summary>Bytes from image to image of what is read.</summary>
    public nint ImageBytes { get; }

    /// <summary>Bytes from an image's first pixel to its first window.</summary>
    public nint Origin { get; }

    /// <summary>Bytes from image to image of the output.</summary>
    public nint OutputImage { get; }

    /// <summary>Bytes from an image's first pixel to the first that is computed, of the output.</summary>
    public nint OutputOrigin { get; }

    /// <summary>The same of the residual.</summary>
    public nint ResidualOrigin { get; }

    /// <summary>Bytes from image to image of the residual; 0 when there is none.</summary>
    public nint ResidualImage { get; }

    /// <summary>The pixels of all images of a run are one row, as in matrix products: blocks then take pixels from several images.</summary>
    public bool IsFlat { get; }

    public ReductionShape Reduction { get; }

    private static nint OriginOf(InputGradientPhase? phase, Slot result) => phase is null ? 0 : result.PixelOffset(0, phase.Rows.Phase, phase.Columns.Phase);

    // Float matrices may have any rank: their rows are the images.
    private static nint ImageBytesOf(ContractionLayer layer, Slot result) => layer.IsGemm && !result.IsQuantized ? layer.OutChannels * sizeof(float) : result.ImageBytes;
}
