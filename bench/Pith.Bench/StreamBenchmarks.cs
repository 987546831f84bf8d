using Pith.Kernels.Simd;

namespace Pith.Bench;

/// <summary>Kernels that memory bounds: their rate is in bytes that a run must move at least.</summary>
internal static unsafe class StreamBenchmarks
{
    /// <summary>Statistics and normalization.</summary>
    public static KernelRun BatchNorm(Shape shape)
    {
        int pixels = shape["pixels", 131072], channels = shape["c", 16];
        var floats = (long)pixels * channels;
        var args = new BatchNormFp32Args
        {
            Pixels = pixels,
            Channels = channels,
            X = Operand.Random(floats),
            Y = Operand.Zeros(floats),
            Gamma = Operand.Random(channels),
            Beta = Operand.Random(channels),
            Mean = Operand.Zeros(channels),
            Variance = Operand.Zeros(channels),
            Epsilon = 1e-5f,
            Isa = shape.Isa,
        };
        if (shape["residual", 0] != 0) args.Residual = Operand.Random(floats);
        if (shape["relu", 1] != 0) args.Activation = Kernels.Activation.Relu;
        args.Partials = Operand.Zeros(BatchNormFp32.PartialFloats(&args));
        var heap = ConvBenchmarks.OnHeap(args);
        return new KernelRun(0, 3.0 * sizeof(float) * floats,
        [
            new Phase(BatchNormFp32.Items(heap), 0, (begin, end, _) => BatchNormFp32.Measure(heap, begin, end)),
            new Phase(1, 0, (_, _, _) => BatchNormFp32.Combine(heap)),
            new Phase(BatchNormFp32.Items(heap), 0, (begin, end, _) => BatchNormFp32.Normalize(heap, begin, end)),
        ]);
    }

    /// <summary>Sums and input gradient.</summary>
    public static KernelRun BatchNormGradient(Shape shape)
    {
        int pixels = shape["pixels", 131072], channels = shape["c", 16];
        var floats = (long)pixels * channels;
        var args = new BatchNormGradFp32Args
        {
            Pixels = pixels,
            Channels = channels,
            X = Operand.Random(floats),
            DY = Operand.Random(floats),
            DX = Operand.Zeros(floats),
            Gamma = Operand.Random(channels),
            Mean = Operand.Random(channels),
            Variance = Operand.Zeros(channels),
            DGamma = Operand.Zeros(channels),
            DBeta = Operand.Zeros(channels),
            Epsilon = 1e-5f,
            Isa = shape.Isa,
        };
        if (shape["relu", 1] != 0) args.Gate = Operand.Random(floats);
        args.GateUpper = float.PositiveInfinity;
        args.Partials = Operand.Zeros(BatchNormGradFp32.PartialFloats(&args));
        var heap = ConvBenchmarks.OnHeap(args);
        return new KernelRun(0, (args.Gate == null ? 5.0 : 7.0) * sizeof(float) * floats,
        [
            new Phase(BatchNormGradFp32.Items(heap), 0, (begin, end, _) => BatchNormGradFp32.Accumulate(heap, begin, end)),
            new Phase(1, 0, (_, _, _) => BatchNormGradFp32.Combine(heap)),
            new Phase(BatchNormGradFp32.Items(heap), 0, (begin, end, _) => BatchNormGradFp32.Propagate(heap, begin, end)),
        ]);
    }

    /// <summary>One optimiser step.</summary>
    public static KernelRun Sgd(Shape shape)
    {
        var count = shape["count", 1 << 20];
        float[] weights = new float[count], gradient = new float[count], velocity = new float[count];
        var step = new SgdStep(Rate: 0.1f, Momentum: 0.9f, WeightDecay: 1e-4f, GradientScale: 1, Nesterov: true);
        var isa = shape.Isa;
        return new KernelRun(0, 5.0 * sizeof(float) * count, [new Phase(1, 0, (_, _, _) => SgdFp32.Update(weights, gradient, velocity, step, isa))]);
    }
}
