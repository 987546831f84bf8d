namespace Pith.Kernels;

/// <summary>
/// What a 2-D convolution is beside its operands' sizes. Weights are [K, C / Groups, KernelH, KernelW]; padding at the bottom and right
/// follows from the output's size, so it needs no number here.
/// </summary>
internal struct ConvGeometry
{
    /// <summary>R.</summary>
    public int KernelH;

    /// <summary>S.</summary>
    public int KernelW;

    /// <summary>Input rows between output rows.</summary>
    public int StrideH;

    /// <summary>Input columns between output columns.</summary>
    public int StrideW;

    /// <summary>Input rows between taps.</summary>
    public int DilationH;

    /// <summary>Input columns between taps.</summary>
    public int DilationW;

    /// <summary>Rows of zeros above the input; negative crops.</summary>
    public int PadTop;

    /// <summary>Columns of zeros left of the input; negative crops.</summary>
    public int PadLeft;

    /// <summary>Channel groups.</summary>
    public int Groups;

    /// <summary>A geometry that is the same along both axes.</summary>
    public static ConvGeometry Square(int kernel, int stride = 1, int pad = 0, int dilation = 1, int groups = 1) => new()
    {
        KernelH = kernel,
        KernelW = kernel,
        StrideH = stride,
        StrideW = stride,
        DilationH = dilation,
        DilationW = dilation,
        PadTop = pad,
        PadLeft = pad,
        Groups = groups,
    };
}
