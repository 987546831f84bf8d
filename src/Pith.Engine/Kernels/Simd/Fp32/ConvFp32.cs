namespace Pith.Kernels.Simd;

/// <summary>Operands of an FP32 convolution: <c>Y = activation(conv(X, W) + Bias + Residual)</c>.</summary>
internal unsafe struct ConvFp32Args
{
    /// <summary>Input [N, H, W, C].</summary>
    public required FeatureMap X;

    /// <summary>Output [N, OH, OW, K]; must not overlap the input or the residual, unless it is the residual itself.</summary>
    public required FeatureMap Y;

    /// <summary>Kernel, stride, dilation, padding and groups.</summary>
    public required ConvGeometry Geometry;

    /// <summary>What kernels may use, for which weights are packed: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>The weights are [C, K / Groups, R, S], with the taps in reverse: those of the convolution of which this is the gradient with respect to its input.</summary>
    public bool TurnsWeights;

    /// <summary>Weights after packing.</summary>
    public float* PackedWeights;

    /// <summary>[K], or null.</summary>
    public float* Bias;

    /// <summary>[N, OH, OW, K], or absent.</summary>
    public FeatureMap Residual;

    /// <summary>Applied last.</summary>
    public Activation Activation;
}

/// <summary>
/// Forward convolution in FP32 with any kernel, stride, dilation, padding and group count. Implicit GEMM: tiles of output pixels by output
/// channels read the input where it lies, or a zero-padded copy of a band of it where padding is involved. 1x1 convolutions are plain GEMM.
/// Depthwise convolutions have a kernel of their own behind the same calls.
/// </summary>
internal static unsafe class ConvFp32
{
    /// <summary>Floats of packed weights.</summary>
    public static nint PackedFloats(ConvFp32Args* args) => TapConvKernel.PackedFloats(View(args), args->Isa);

    /// <summary>Number of work items of <see cref="Pack"/>.</summary>
    public static int PackItems(ConvFp32Args* args) => TapConvKernel.PackItems(View(args), args->Isa);

    /// <summary>Packs items [<paramref name="begin"/>, <paramref name="end"/>) of the weights [K, C / Groups, R, S] into <see cref="ConvFp32Args.PackedWeights"/>.</summary>
    public static void Pack(ConvFp32Args* args, float* weights, int begin, int end)
    {
        var conv = View(args);
        nint taps = (nint)conv.H.Count * conv.W.Count;
        var view = new WeightView
        {
            Data = args->TurnsWeights ? weights + taps - 1 : weights,
            Outputs = conv.GroupOut,
            Inputs = conv.GroupIn,
            TapRows = conv.H.Count,
            TapColumns = conv.W.Count,
            OutStride = args->TurnsWeights ? taps : conv.GroupIn * taps,
            InStride = args->TurnsWeights ? conv.GroupOut * taps : taps,
            TapRowStride = args->TurnsWeights ? -conv.W.Count : conv.W.Count,
            TapColumnStride = args->TurnsWeights ? -1 : 1,
        };
        TapConvKernel.Pack(conv, view, conv.GroupIn * conv.GroupOut * taps, args->PackedWeights, args->Isa, begin, end);
    }

    /// <summary>Number of work items of <see cref="Run"/>.</summary>
    public static int WorkItems(ConvFp32Args* args) => TapConvKernel.WorkItems(View(args), args->Isa);

    /// <summary>Floats of scratch memory that each concurrent <see cref="Run"/> needs for itself.</summary>
    public static nint WorkspaceFloats(ConvFp32Args* args) => TapConvKernel.WorkspaceFloats(View(args), args->Isa);

    /// <summary>Computes items [<paramref name="begin"/>, <paramref name="end"/>). The result does not depend on how items are grouped into calls.</summary>
    public static void Run(ConvFp32Args* args, int begin, int end, float* workspace) =>
        TapConvKernel.Run(View(args), args->Isa, begin, end, workspace);

    private static TapConv View(ConvFp32Args* args)
    {
        ref var g = ref args->Geometry;
        return new TapConv
        {
            In = args->X,
            Out = args->Y,
            Residual = args->Residual,
            Packed = args->PackedWeights,
            Bias = args->Bias,
            Groups = g.Groups,
            Activation = args->Activation,
            H = new TapAxis { Offset = -g.PadTop, Step = g.DilationH, Count = g.KernelH, Stride = g.StrideH },
            W = new TapAxis { Offset = -g.PadLeft, Step = g.DilationW, Count = g.KernelW, Stride = g.StrideW },
        };
    }
}
