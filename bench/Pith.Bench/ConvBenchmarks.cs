using Pith.Kernels;
using Pith.Kernels.Simd;

namespace Pith.Bench;

/// <summary>Dense multiplies: convolution and GEMM.</summary>
internal static unsafe class ConvBenchmarks
{
    public static KernelRun Forward(Shape shape)
    {
        var args = ForwardArgs(shape);
        var weights = PackWeights(ref args);
        if (shape["bias", 1] != 0) args.Bias = Operand.Random(args.Y.Channels);
        if (shape["residual", 0] != 0) args.Residual = Like(args.Y);
        if (shape["relu", 1] != 0) args.Activation = Activation.Relu;
        var heap = OnHeap(args);
        var phase = new Phase(ConvFp32.WorkItems(heap), ConvFp32.WorkspaceFloats(heap), (begin, end, workspace) => ConvFp32.Run(heap, begin, end, workspace));
        var bytes = sizeof(float) * ((double)args.X.Pixels * args.X.Channels + (double)args.Y.Pixels * args.Y.Channels + weights);
        return new KernelRun(Flops(args), bytes, [phase]);
    }

    public static KernelRun Pack(Shape shape)
    {
        var args = ForwardArgs(shape);
        var floats = WeightFloats(args);
        var weights = Operand.Random(floats);
        args.PackedWeights = Operand.Zeros(ConvFp32.PackedFloats(&args));
        var heap = OnHeap(args);
        var phase = new Phase(ConvFp32.PackItems(heap), 0, (begin, end, _) => ConvFp32.Pack(heap, weights, begin, end));
        return new KernelRun(0, 2.0 * sizeof(float) * floats, [phase]);
    }

    /// <summary>Packing and input gradient, as a training step runs them.</summary>
    public static KernelRun InputGradient(Shape shape)
    {
        var forward = ForwardArgs(shape);
        var args = new ConvInputGradFp32Args { DY = forward.Y, DX = forward.X, Geometry = forward.Geometry, Isa = forward.Isa };
        args.PackedWeights = Operand.Zeros(ConvInputGradFp32.PackedFloats(&args));
        var weights = Operand.Random(WeightFloats(forward));
        var heap = OnHeap(args);
        var pack = new Phase(ConvInputGradFp32.PackItems(heap), 0, (begin, end, _) => ConvInputGradFp32.Pack(heap, weights, begin, end));
        var run = new Phase(
            ConvInputGradFp32.WorkItems(heap),
            ConvInputGradFp32.WorkspaceFloats(heap),
            (begin, end, workspace) => ConvInputGradFp32.Run(heap, begin, end, workspace));
        return new KernelRun(Flops(forward), 0, [pack, run]);
    }

    /// <summary>Both steps of a weight gradient.</summary>
    public static KernelRun WeightGradient(Shape shape)
    {
        var forward = ForwardArgs(shape);
        var args = new ConvWeightGradFp32Args { DY = forward.Y, X = forward.X, Geometry = forward.Geometry, Isa = forward.Isa };
        args.DW = Operand.Zeros(WeightFloats(forward));
        args.Partials = Operand.Zeros(ConvWeightGradFp32.PartialFloats(&args));
        var heap = OnHeap(args);
        var accumulate = new Phase(
            ConvWeightGradFp32.AccumulateItems(heap),
            ConvWeightGradFp32.WorkspaceFloats(heap),
            (begin, end, workspace) => ConvWeightGradFp32.Accumulate(heap, begin, end, workspace));
        var reduce = new Phase(ConvWeightGradFp32.ReduceItems(heap), 0, (begin, end, _) => ConvWeightGradFp32.Reduce(heap, begin, end));
        return new KernelRun(Flops(forward), 0, [accumulate, reduce]);
    }

    public static KernelRun Gemm(Shape shape)
    {
        int m = shape["m", 128], n = shape["n", 128], k = shape["k", 128];
        var args = GemmFp32Args.Dense(m, n, k, Operand.Random((long)m * k), Operand.Zeros((long)m * n), shape.Isa);
        args.PackedB = Operand.Zeros(GemmFp32.PackedFloats(&args));
        GemmFp32.Pack(&args, Operand.Random((long)n * k), k, transposed: true, args.PackedB, 0, GemmFp32.PackItems(&args));
        var heap = OnHeap(args);
        var phase = new Phase(GemmFp32.WorkItems(heap), GemmFp32.WorkspaceFloats(heap), (begin, end, workspace) => GemmFp32.Run(heap, begin, end, workspace));
        return new KernelRun(2.0 * m * n * k, sizeof(float) * ((double)m * k + (double)m * n + (double)n * k), [phase]);
    }

    /// <summary>Operands of a convolution from the keys that all convolution benchmarks share.</summary>
    public static ConvFp32Args ForwardArgs(Shape shape)
    {
        int n = shape["n", 1], h = shape["h", 32], w = shape["w", h], c = shape["c", 16], k = shape["k", c];
        int kernel = shape["r", 3], stride = shape["stride", 1], pad = shape["pad", 0], dilation = shape["dilation", 1], groups = shape["groups", 1];
        int outH = (h + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1, outW = (w + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
        if (outH < 1 || outW < 1 || groups < 1 || c % groups != 0 || k % groups != 0)
        {
            throw new PithException($"No such convolution: input {h}x{w}x{c}, kernel {kernel}, pad {pad}, {k} outputs in {groups} groups.");
        }
        return new ConvFp32Args
        {
            X = FeatureMap.Create(Operand.Random((long)n * h * w * c), n, h, w, c),
            Y = FeatureMap.Create(Operand.Random((long)n * outH * outW * k), n, outH, outW, k),
            Geometry = ConvGeometry.Square(kernel, stride, pad, dilation, groups),
            Isa = shape.Isa,
        };
    }

    /// <summary>Multiplies and adds of a convolution.</summary>
    public static double Flops(in ConvFp32Args args) => 2.0 * args.Y.Pixels * WeightFloats(args);

    /// <summary>Floats of the weights [K, C / Groups, R, S].</summary>
    public static long WeightFloats(in ConvFp32Args args) =>
        (long)args.Y.Channels * (args.X.Channels / args.Geometry.Groups) * args.Geometry.KernelH * args.Geometry.KernelW;

    /// <summary>Memory of its own with the shape of <paramref name="map"/>.</summary>
    public static FeatureMap Like(in FeatureMap map) =>
        FeatureMap.Create(Operand.Random((long)map.Pixels * map.Channels), map.Images, map.Height, map.Width, map.Channels);

    /// <summary>A copy that stays where it is, for kernels to point at.</summary>
    public static T* OnHeap<T>(T value) where T : unmanaged
    {
        var heap = (T*)Operand.Zeros((sizeof(T) + 3) / 4);
        *heap = value;
        return heap;
    }

    private static long PackWeights(ref ConvFp32Args args)
    {
        var floats = WeightFloats(args);
        fixed (ConvFp32Args* pointer = &args)
        {
            pointer->PackedWeights = Operand.Zeros(ConvFp32.PackedFloats(pointer));
            ConvFp32.Pack(pointer, Operand.Random(floats), 0, ConvFp32.PackItems(pointer));
        }
        return floats;
    }
}
