using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Operands of layer normalization: <c>(x - mean) / sqrt(variance + Epsilon) * Scale + Bias</c> of each row of dense [Rows, Columns].</summary>
internal unsafe struct LayerNormFp32Args
{
    /// <summary>Rows.</summary>
    public required nint Rows;

    /// <summary>Elements of a row; at least 1.</summary>
    public required int Columns;

    /// <summary>[Rows, Columns].</summary>
    public required float* X;

    /// <summary>[Rows, Columns]; may be X.</summary>
    public required float* Y;

    /// <summary>[Columns].</summary>
    public required float* Scale;

    /// <summary>Added to the variance.</summary>
    public required float Epsilon;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>[Columns], or null.</summary>
    public float* Bias;
}

/// <summary>
/// Layer normalization of rows. Sums run in float over the lanes of a few vectors and are joined in double precision. The rounding error of the mean is measured while the variance is, and taken
/// away, so that a large mean costs no digits. A row's result depends on the instruction set alone.
/// </summary>
internal static unsafe class LayerNormFp32
{
    private const int ItemElements = 8192;

    /// <summary>Number of work items.</summary>
    public static int WorkItems(LayerNormFp32Args* args) => checked((int)((args->Rows + RowsPerItem(args) - 1) / RowsPerItem(args)));

    /// <summary>Computes items [<paramref name="begin"/>, <paramref name="end"/>).</summary>
    public static void Run(LayerNormFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: Run<Vec512>(args, begin, end); break;
            case 8: Run<Vec256>(args, begin, end); break;
            default: Run<Vec128>(args, begin, end); break;
        }
    }

    private static nint RowsPerItem(LayerNormFp32Args* args) => Math.Max(1, ItemElements / args->Columns);

    private static void Run<V>(LayerNormFp32Args* args, int begin, int end) where V : struct, IVec<V>
    {
        var last = Math.Min(args->Rows, end * RowsPerItem(args));
        for (var row = begin * RowsPerItem(args); row < last; row++)
        {
            float* x = args->X + row * args->Columns;
            var mean = (float)(RowSum<V>.Of(x, args->Columns) / args->Columns);
            var (deviations, squares) = RowDeviations<V>.Of(x, args->Columns, mean);
            var error = deviations / args->Columns;
            // Of equal elements the difference is rounding, which may be negative.
            var variance = Math.Max(0, squares / args->Columns - error * error);
            var inverse = 1 / Math.Sqrt(variance + args->Epsilon);
            Normalize<V>(args, x, args->Y + row * args->Columns, mean, (float)error, (float)inverse);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Normalize<V>(LayerNormFp32Args* args, float* x, float* y, float mean, float error, float inverse) where V : struct, IVec<V>
    {
        V center = V.Broadcast(mean), shift = V.Broadcast(error), factor = V.Broadcast(inverse);
        float* scale = args->Scale, bias = args->Bias;
        var columns = args->Columns;
        var i = 0;
        for (; i <= columns - V.Count; i += V.Count)
        {
            V normalized = (V.Load(x + i) - center - shift) * factor;
            V.Store(y + i, bias == null ? normalized * V.Load(scale + i) : V.MultiplyAdd(normalized, V.Load(scale + i), V.Load(bias + i)));
        }
        if (i == columns) return;
        var valid = columns - i;
        V tail = (V.LoadPartial(x + i, valid) - center - shift) * factor * V.LoadPartial(scale + i, valid);
        V.StorePartial(y + i, valid, bias == null ? tail : tail + V.LoadPartial(bias + i, valid));
    }
}
