namespace Pith.Kernels.Simd;

/// <summary>
/// Operands of the gradient of batch normalization. With g = DY, or DY where a following Relu or Clip passed (<see cref="Gate"/> between its bounds) and 0 elsewhere,
/// s = sqrt(variance + epsilon) and xhat = (X - mean) / s: <c>DX = Gamma / s * (g - mean(g) - xhat * mean(g * xhat))</c>.
/// Maps are dense [Pixels, Channels].
/// </summary>
internal unsafe struct BatchNormGradFp32Args
{
    /// <summary>Pixels of all images.</summary>
    public required nint Pixels;

    /// <summary>C.</summary>
    public required int Channels;

    /// <summary>Gradient of the output.</summary>
    public required float* DY;

    /// <summary>Input of the forward pass.</summary>
    public required float* X;

    /// <summary>Gradient of the input, overwritten; may be <see cref="DY"/>.</summary>
    public required float* DX;

    /// <summary>[C].</summary>
    public required float* Gamma;

    /// <summary>Mean that the forward pass used [C].</summary>
    public required float* Mean;

    /// <summary>Variance that the forward pass used [C].</summary>
    public required float* Variance;

    /// <summary>Gradient of gamma [C]: written by <see cref="BatchNormGradFp32.Combine"/>, then read.</summary>
    public required float* DGamma;

    /// <summary>Gradient of beta [C]: written by <see cref="BatchNormGradFp32.Combine"/>, then read.</summary>
    public required float* DBeta;

    /// <summary>Added to the variance.</summary>
    public required float Epsilon;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>Memory for <see cref="BatchNormGradFp32.PartialFloats"/> floats, shared by all threads.</summary>
    public float* Partials;

    /// <summary>Output of a Relu or Clip that follows the normalization (and its residual), or null.</summary>
    public float* Gate;

    /// <summary>[C], or null: the gate is the normalization's result, which is computed again with the forward pass's bits.</summary>
    public float* Beta;

    /// <summary>What is above it passes.</summary>
    public float GateLower;

    /// <summary>What is below it passes.</summary>
    public float GateUpper;

    /// <summary>Where to write g, the gradient of a residual that was added before the gate, or null.</summary>
    public float* DResidual;

    /// <summary>Non-zero: mean and variance were constants (running statistics), so DX = Gamma / s * g.</summary>
    public int FrozenStatistics;
}

/// <summary>
/// Gradient of batch normalization in three steps with barriers between: <see cref="Accumulate"/> (many items), <see cref="Combine"/> (one call)
/// and <see cref="Propagate"/> (many items).
/// </summary>
internal static unsafe class BatchNormGradFp32
{
    /// <summary>Floats of partial sums.</summary>
    public static nint PartialFloats(BatchNormGradFp32Args* args) => 2 * (nint)args->Channels * Items(args);

    /// <summary>Number of work items of <see cref="Accumulate"/> and of <see cref="Propagate"/>.</summary>
    public static int Items(BatchNormGradFp32Args* args) => new PixelPartition(args->Pixels, args->Channels).Partials;

    /// <summary>Fills items of the partial sums of g and g * (X - mean).</summary>
    public static void Accumulate(BatchNormGradFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: BatchNormGradKernel<Vec512>.Accumulate(args, begin, end); break;
            case 8: BatchNormGradKernel<Vec256>.Accumulate(args, begin, end); break;
            default: BatchNormGradKernel<Vec128>.Accumulate(args, begin, end); break;
        }
    }

    /// <summary>Adds the partial sums in order and writes the gradients of gamma and beta.</summary>
    public static void Combine(BatchNormGradFp32Args* args)
    {
        var partials = Items(args);
        for (var c = 0; c < args->Channels; c++)
        {
            double sum = 0, product = 0;
            for (var partial = 0; partial < partials; partial++)
            {
                float* sums = args->Partials + 2 * (nint)partial * args->Channels;
                sum += sums[c];
                product += sums[args->Channels + c];
            }
            args->DBeta[c] = (float)sum;
            args->DGamma[c] = (float)(product / Math.Sqrt((double)args->Variance[c] + args->Epsilon));
        }
    }

    /// <summary>Writes items of DX, and of DResidual where it is wanted.</summary>
    public static void Propagate(BatchNormGradFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: BatchNormGradKernel<Vec512>.Propagate(args, begin, end); break;
            case 8: BatchNormGradKernel<Vec256>.Propagate(args, begin, end); break;
            default: BatchNormGradKernel<Vec128>.Propagate(args, begin, end); break;
        }
    }
}
