namespace Pith.Kernels.Simd;

/// <summary>
/// Operands of batch normalization as training runs it: <c>Y = activation((X - mean) / sqrt(variance + Epsilon) * Gamma + Beta + Residual)</c> with
/// the batch's own statistics over pixels. X, Y and Residual are dense [Pixels, Channels].
/// </summary>
internal unsafe struct BatchNormFp32Args
{
    /// <summary>Pixels of all images.</summary>
    public required nint Pixels;

    /// <summary>C.</summary>
    public required int Channels;

    /// <summary>Input.</summary>
    public required float* X;

    /// <summary>Output; may be the input.</summary>
    public required float* Y;

    /// <summary>[C].</summary>
    public required float* Gamma;

    /// <summary>[C].</summary>
    public required float* Beta;

    /// <summary>Mean of the batch [C]: written, then read.</summary>
    public required float* Mean;

    /// <summary>Biased variance of the batch [C]: written, then read.</summary>
    public required float* Variance;

    /// <summary>Added to the variance.</summary>
    public required float Epsilon;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>Memory for <see cref="BatchNormFp32.PartialFloats"/> floats, shared by all threads.</summary>
    public float* Partials;

    /// <summary>Added before the activation, or null.</summary>
    public float* Residual;

    /// <summary>Applied last.</summary>
    public Activation Activation;
}

/// <summary>
/// Forward batch normalization in three steps with barriers between: <see cref="Measure"/> (many items), <see cref="Combine"/> (one call) and
/// <see cref="Normalize"/> (many items). Each chunk's mean and squared deviations are computed in two passes over cached data and combined by the
/// formula of Chan, Golub and LeVeque (1979), so large means cost no digits.
/// </summary>
internal static unsafe class BatchNormFp32
{
    /// <summary>Floats of partial statistics.</summary>
    public static nint PartialFloats(BatchNormFp32Args* args) => 2 * (nint)args->Channels * Items(args);

    /// <summary>Number of work items of <see cref="Measure"/> and of <see cref="Normalize"/>.</summary>
    public static int Items(BatchNormFp32Args* args) => new PixelPartition(args->Pixels, args->Channels).Partials;

    /// <summary>Fills items of the partial statistics: means and sums of squared deviations.</summary>
    public static void Measure(BatchNormFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: BatchNormKernel<Vec512>.Measure(args, begin, end); break;
            case 8: BatchNormKernel<Vec256>.Measure(args, begin, end); break;
            default: BatchNormKernel<Vec128>.Measure(args, begin, end); break;
        }
    }

    /// <summary>Combines the partial statistics into mean and variance.</summary>
    public static void Combine(BatchNormFp32Args* args)
    {
        var partition = new PixelPartition(args->Pixels, args->Channels);
        for (var c = 0; c < args->Channels; c++)
        {
            double mean = 0, squares = 0, count = 0;
            for (var partial = 0; partial < partition.Partials; partial++)
            {
                float* means = args->Partials + 2 * (nint)partial * args->Channels;
                double added = partition.Begin(partial + 1) - partition.Begin(partial), total = count + added;
                var difference = means[c] - mean;
                mean += difference * added / total;
                squares += means[args->Channels + c] + difference * difference * count * added / total;
                count = total;
            }
            args->Mean[c] = (float)mean;
            args->Variance[c] = (float)(squares / count);
        }
    }

    /// <summary>Writes items of the output from mean and variance, which may also be running statistics.</summary>
    public static void Normalize(BatchNormFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: BatchNormKernel<Vec512>.Normalize(args, begin, end); break;
            case 8: BatchNormKernel<Vec256>.Normalize(args, begin, end); break;
            default: BatchNormKernel<Vec128>.Normalize(args, begin, end); break;
        }
    }
}
