namespace Pith.Kernels.Simd;

/// <summary>Operands of the gradient of a convolution with respect to its weights.</summary>
internal unsafe struct ConvWeightGradFp32Args
{
    /// <summary>Input of the forward pass [N, H, W, C].</summary>
    public required FeatureMap X;

    /// <summary>Gradient of the output [N, OH, OW, K].</summary>
    public required FeatureMap DY;

    /// <summary>Geometry of the forward convolution.</summary>
    public required ConvGeometry Geometry;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>Gradient of the weights [K, C / Groups, R, S], overwritten by <see cref="ConvWeightGradFp32.Reduce"/>.</summary>
    public float* DW;

    /// <summary>Memory for <see cref="ConvWeightGradFp32.PartialFloats"/> floats, shared by all threads between the two steps.</summary>
    public float* Partials;
}

/// <summary>
/// Weight gradient of a convolution, in two steps with a barrier between: <see cref="Accumulate"/> fills a fixed number of partial sums,
/// <see cref="Reduce"/> adds them in order and writes them in the layout of the weights.
/// </summary>
internal static unsafe class ConvWeightGradFp32
{
    /// <summary>Floats of all partial sums.</summary>
    public static nint PartialFloats(ConvWeightGradFp32Args* args) => args->Isa.Fp32Lanes switch
    {
        16 => Steps<Vec512>.PartialFloats(View(args)),
        8 => Steps<Vec256>.PartialFloats(View(args)),
        _ => Steps<Vec128>.PartialFloats(View(args)),
    };

    /// <summary>Number of work items of <see cref="Accumulate"/>.</summary>
    public static int AccumulateItems(ConvWeightGradFp32Args* args) => args->Isa.Fp32Lanes switch
    {
        16 => Steps<Vec512>.AccumulateItems(View(args)),
        8 => Steps<Vec256>.AccumulateItems(View(args)),
        _ => Steps<Vec128>.AccumulateItems(View(args)),
    };

    /// <summary>Floats of scratch memory that each concurrent <see cref="Accumulate"/> needs for itself.</summary>
    public static nint WorkspaceFloats(ConvWeightGradFp32Args* args) => args->Isa.Fp32Lanes switch
    {
        16 => Steps<Vec512>.WorkspaceFloats(View(args)),
        8 => Steps<Vec256>.WorkspaceFloats(View(args)),
        _ => Steps<Vec128>.WorkspaceFloats(View(args)),
    };

    /// <summary>Fills items [<paramref name="begin"/>, <paramref name="end"/>) of the partial sums.</summary>
    public static void Accumulate(ConvWeightGradFp32Args* args, int begin, int end, float* workspace)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: Steps<Vec512>.Accumulate(View(args), args->Partials, begin, end, workspace); break;
            case 8: Steps<Vec256>.Accumulate(View(args), args->Partials, begin, end, workspace); break;
            default: Steps<Vec128>.Accumulate(View(args), args->Partials, begin, end, workspace); break;
        }
    }

    /// <summary>Number of work items of <see cref="Reduce"/>.</summary>
    public static int ReduceItems(ConvWeightGradFp32Args* args)
    {
        var conv = View(args);
        var lanes = args->Isa.Fp32Lanes;
        return conv.IsDepthwise ? 1 : conv.Groups * PanelPacking.PaddedOutputs(conv.GroupOut, lanes) / lanes;
    }

    /// <summary>Writes items [<paramref name="begin"/>, <paramref name="end"/>) of the gradient.</summary>
    public static void Reduce(ConvWeightGradFp32Args* args, int begin, int end)
    {
        if (begin == end) return;
        switch (args->Isa.Fp32Lanes)
        {
            case 16: Steps<Vec512>.Reduce(View(args), args->Partials, args->DW, begin, end); break;
            case 8: Steps<Vec256>.Reduce(View(args), args->Partials, args->DW, begin, end); break;
            default: Steps<Vec128>.Reduce(View(args), args->Partials, args->DW, begin, end); break;
        }
    }

    /// <summary>The kernel that fits the convolution, for vectors <typeparamref name="V"/>.</summary>
    private static class Steps<V> where V : struct, IVec<V>
    {
        public static nint PartialFloats(in TapConv conv) =>
            conv.IsDepthwise ? DepthwiseWeightGradKernel<V>.PartialFloats(conv) : ConvWeightGradKernel<V>.PartialFloats(conv);

        public static int AccumulateItems(in TapConv conv) =>
            conv.IsDepthwise ? DepthwiseWeightGradKernel<V>.AccumulateItems(conv) : ConvWeightGradKernel<V>.AccumulateItems(conv);

        public static nint WorkspaceFloats(in TapConv conv) =>
            conv.IsDepthwise ? DepthwiseWeightGradKernel<V>.WorkspaceFloats(conv) : ConvWeightGradKernel<V>.WorkspaceFloats(conv);

        public static void Accumulate(in TapConv conv, float* partials, int begin, int end, float* workspace)
        {
            if (conv.IsDepthwise) DepthwiseWeightGradKernel<V>.Accumulate(conv, partials, begin, end, workspace);
            else ConvWeightGradKernel<V>.Accumulate(conv, partials, begin, end, workspace);
        }

        public static void Reduce(in TapConv conv, float* partials, float* gradient, int begin, int end)
        {
            if (conv.IsDepthwise) DepthwiseWeightGradKernel<V>.Reduce(conv, partials, gradient);
            else ConvWeightGradKernel<V>.Reduce(conv, partials, gradient, begin, end);
        }
    }

    // The forward geometry; "Out" is the gradient of the output, which is read.
    private static TapConv View(ConvWeightGradFp32Args* args)
    {
        ref var g = ref args->Geometry;
        return new TapConv
        {
            In = args->X,
            Out = args->DY,
            Groups = g.Groups,
            H = new TapAxis { Offset = -g.PadTop, Step = g.DilationH, Count = g.KernelH, Stride = g.StrideH },
            W = new TapAxis { Offset = -g.PadLeft, Step = g.DilationW, Count = g.KernelW, Stride = g.StrideW },
        };
    }
}
