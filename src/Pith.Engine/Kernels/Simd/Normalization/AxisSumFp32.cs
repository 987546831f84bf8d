namespace Pith.Kernels.Simd;

/// <summary>Operands of a sum along neighbouring axes, times a factor: dense [Outer, Rows, Columns, Inner] becomes [Outer, Inner].</summary>
internal unsafe struct AxisSumFp32Args
{
    /// <summary>Elements of the axes before the summed ones.</summary>
    public required int Outer;

    /// <summary>Elements of the summed axes but the last. Columns are summed first, which keeps chains short.</summary>
    public required int Rows;

    /// <summary>Elements of the last summed axis.</summary>
    public required int Columns;

    /// <summary>Elements of the axes after the summed ones.</summary>
    public required int Inner;

    /// <summary>[Outer, Rows, Columns, Inner].</summary>
    public required float* X;

    /// <summary>[Outer, Inner].</summary>
    public required float* Y;

    /// <summary>What each sum is multiplied by.</summary>
    public required float Factor;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;
}

/// <summary>Sums and means along axes. Sums of innermost axes run along their rows; others are the sums over the pixels of images whose channels are the inner axes.</summary>
internal static unsafe class AxisSumFp32
{
    private const int ItemElements = 8192;

    /// <summary>Number of work items.</summary>
    public static int WorkItems(AxisSumFp32Args* args)
    {
        if (args->Inner == 1) return EvenParts.Count(args->Outer, SumsPerItem(args));
        var pool = Images(args);
        return GlobalAveragePoolFp32.WorkItems(&pool);
    }

    /// <summary>Computes items [<paramref name="begin"/>, <paramref name="end"/>).</summary>
    public static void Run(AxisSumFp32Args* args, int begin, int end)
    {
        if (args->Inner == 1)
        {
            switch (args->Isa.Fp32Lanes)
            {
                case 16: RunRows<Vec512>(args, begin, end); break;
                case 8: RunRows<Vec256>(args, begin, end); break;
                default: RunRows<Vec128>(args, begin, end); break;
            }
            return;
        }
        var pool = Images(args);
        GlobalAveragePoolFp32.Run(&pool, begin, end);
    }

    private static int SumsPerItem(AxisSumFp32Args* args) => Math.Max(1, ItemElements / (args->Rows * args->Columns));

    private static void RunRows<V>(AxisSumFp32Args* args, int begin, int end) where V : struct, IVec<V>
    {
        var perItem = SumsPerItem(args);
        var last = Math.Min(args->Outer, end * perItem);
        for (var i = begin * perItem; i < last; i++)
        {
            float* x = args->X + (nint)i * args->Rows * args->Columns;
            double sum = 0;
            for (var row = 0; row < args->Rows; row++, x += args->Columns) sum += RowSum<V>.Of(x, args->Columns);
            args->Y[i] = (float)(sum * args->Factor);
        }
    }

    private static GlobalAveragePoolFp32Args Images(AxisSumFp32Args* args) => new()
    {
        X = FeatureMap.Create(args->X, args->Outer, args->Rows, args->Columns, args->Inner, args->Inner),
        Y = args->Y,
        Scale = args->Factor,
        Isa = args->Isa,
    };
}
