namespace Pith.Kernels.Simd;

/// <summary>Operands of the gradient of a convolution with respect to its input: <c>DX = convTranspose(DY, W) + Residual</c>.</summary>
internal unsafe struct ConvInputGradFp32Args
{
    /// <summary>Gradient of the output [N, OH, OW, K].</summary>
    public required FeatureMap DY;

    /// <summary>Gradient of the input [N, H, W, C], overwritten.</summary>
    public required FeatureMap DX;

    /// <summary>Geometry of the forward convolution.</summary>
    public required ConvGeometry Geometry;

    /// <summary>What kernels may use, for which weights are packed: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>Weights after <see cref="ConvInputGradFp32.Pack"/>; not those of the forward pass.</summary>
    public float* PackedWeights;

    /// <summary>What to add, such as the gradient of another branch [N, H, W, C], or absent.</summary>
    public FeatureMap Residual;
}

/// <summary>
/// Input gradient of a convolution. Every StrideH-th row and StrideW-th column of DX is a phase: within a phase the same taps meet every
/// pixel, so each is an ordinary convolution of stride 1 over DY and no product with an inserted zero is ever computed.
/// </summary>
/// <remarks>For a stride of 1 there is one phase: a convolution with the kernel turned by 180 degrees.</remarks>
internal static unsafe class ConvInputGradFp32
{
    /// <summary>Floats of packed weights.</summary>
    public static nint PackedFloats(ConvInputGradFp32Args* args)
    {
        nint floats = 0;
        for (var phase = 0; phase < Phases(args); phase++) floats += TapConvKernel.PackedFloats(Phase.Of(args, phase).Conv, args->Isa);
        return floats;
    }

    /// <summary>Number of work items of <see cref="Pack"/>.</summary>
    public static int PackItems(ConvInputGradFp32Args* args)
    {
        var items = 0;
        for (var phase = 0; phase < Phases(args); phase++) items += TapConvKernel.PackItems(Phase.Of(args, phase).Conv, args->Isa);
        return items;
    }

    /// <summary>Packs items of the forward weights [K, C / Groups, R, S].</summary>
    public static void Pack(ConvInputGradFp32Args* args, float* weights, int begin, int end)
    {
        float* packed = args->PackedWeights;
        for (var index = 0; index < Phases(args) && end > 0; index++)
        {
            var phase = Phase.Of(args, index);
            var items = TapConvKernel.PackItems(phase.Conv, args->Isa);
            if (begin < items)
            {
                var groupStride = (nint)phase.Conv.GroupIn * phase.Conv.GroupOut * args->Geometry.KernelH * args->Geometry.KernelW;
                var view = phase.Weights(args, weights);
                TapConvKernel.Pack(phase.Conv, view, groupStride, packed, args->Isa, Math.Max(begin, 0), Math.Min(end, items));
            }
            packed += TapConvKernel.PackedFloats(phase.Conv, args->Isa);
            begin -= items;
            end -= items;
        }
    }

    /// <summary>Number of work items of <see cref="Run"/>.</summary>
    public static int WorkItems(ConvInputGradFp32Args* args)
    {
        var items = 0;
        for (var phase = 0; phase < Phases(args); phase++) items += TapConvKernel.WorkItems(Phase.Of(args, phase).Conv, args->Isa);
        return items;
    }

    /// <summary>Floats of scratch memory that each concurrent <see cref="Run"/> needs for itself.</summary>
    public static nint WorkspaceFloats(ConvInputGradFp32Args* args)
    {
        nint floats = 0;
        for (var phase = 0; phase < Phases(args); phase++)
        {
            floats = Math.Max(floats, TapConvKernel.WorkspaceFloats(Phase.Of(args, phase).Conv, args->Isa));
        }
        return floats;
    }

    /// <summary>Computes items [<paramref name="begin"/>, <paramref name="end"/>). The result does not depend on how items are grouped into calls.</summary>
    public static void Run(ConvInputGradFp32Args* args, int begin, int end, float* workspace)
    {
        nint offset = 0;
        for (var index = 0; index < Phases(args) && end > 0; index++)
        {
            var conv = Phase.Of(args, index).Conv;
            conv.Packed = args->PackedWeights + offset;
            offset += TapConvKernel.PackedFloats(conv, args->Isa);
            var items = TapConvKernel.WorkItems(conv, args->Isa);
            if (begin < items) TapConvKernel.Run(conv, args->Isa, Math.Max(begin, 0), Math.Min(end, items), workspace);
            begin -= items;
            end -= items;
        }
    }

    private static int Phases(ConvInputGradFp32Args* args) => args->Geometry.StrideH * args->Geometry.StrideW;

    private readonly record struct Phase(TapConv Conv, PhaseAxis H, PhaseAxis W)
    {
        public static Phase Of(ConvInputGradFp32Args* args, int phase)
        {
            ref var g = ref args->Geometry;
            int row = phase / g.StrideW, column = phase % g.StrideW;
            var h = PhaseAxis.Of(row, g.StrideH, g.DilationH, g.PadTop, g.KernelH);
            var w = PhaseAxis.Of(column, g.StrideW, g.DilationW, g.PadLeft, g.KernelW);
            var conv = new TapConv
            {
                In = args->DY,
                Out = args->DX.EveryNth(row, column, g.StrideH, g.StrideW),
                Residual = args->Residual.Data == null ? default : args->Residual.EveryNth(row, column, g.StrideH, g.StrideW),
                Groups = g.Groups,
                H = h.Taps,
                W = w.Taps,
            };
            // A phase that only one axis has taps for has none.
            if (conv.H.Count == 0 || conv.W.Count == 0) conv.H.Count = conv.W.Count = 0;
            return new Phase(conv, h, w);
        }

        public WeightView Weights(ConvInputGradFp32Args* args, float* weights)
        {
            int kernelH = args->Geometry.KernelH, kernelW = args->Geometry.KernelW;
            nint taps = (nint)kernelH * kernelW;
            return new WeightView
            {
                Data = weights + (Conv.H.Count == 0 ? 0 : H.LastTap * kernelW + W.LastTap),
                Outputs = Conv.GroupOut,
                Inputs = Conv.GroupIn,
                TapRows = Conv.H.Count,
                TapColumns = Conv.W.Count,
                OutStride = taps,
                InStride = Conv.GroupOut * taps,
                TapRowStride = -(nint)H.TapStep * kernelW,
                TapColumnStride = -W.TapStep,
            };
        }
    }
}
