using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Operands of the gradient of layer normalization over the rows of dense [Rows, Columns]; see <see cref="Pith.Ops.LayerNormalizationGradient"/>.</summary>
internal unsafe struct LayerNormGradFp32Args
{
    /// <summary>Rows.</summary>
    public required nint Rows;

    /// <summary>Elements of a row; at least 1.</summary>
    public required int Columns;

    /// <summary>[Rows, Columns].</summary>
    public required float* DY;

    /// <summary>[Rows, Columns].</summary>
    public required float* X;

    /// <summary>[Columns].</summary>
    public required float* Scale;

    /// <summary>[Rows, Columns].</summary>
    public required float* DX;

    /// <summary>[Columns].</summary>
    public required float* DScale;

    /// <summary>[Columns].</summary>
    public required float* DBias;

    /// <summary>Added to the variance.</summary>
    public required float Epsilon;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>The sums over the rows of each work item, [items, 2, Columns]: of the scale, then of the bias.</summary>
    public float* Partials;
}

/// <summary>
/// Gradient of layer normalization: work items of neighbouring rows, each with sums of its own over its rows, which <see cref="Combine"/> adds in order. The items depend on the sizes alone, so results depend on the instruction
/// set and on nothing else.
/// </summary>
internal static unsafe class LayerNormGradFp32
{
    private const int ItemElements = 8192;

    /// <summary>Number of work items.</summary>
    public static int WorkItems(LayerNormGradFp32Args* args) => checked((int)((args->Rows + RowsPerItem(args) - 1) / RowsPerItem(args)));

    /// <summary>Floats of <see cref="LayerNormGradFp32Args.Partials"/>.</summary>
    public static long PartialFloats(LayerNormGradFp32Args* args) => 2L * WorkItems(args) * args->Columns;

    /// <summary>Computes items [<paramref name="begin"/>, <paramref name="end"/>).</summary>
    public static void Run(LayerNormGradFp32Args* args, int begin, int end)
    {
        for (var item = begin; item < end; item++)
            switch (args->Isa.Fp32Lanes)
            {
                case 16: Item<Vec512>(args, item); break;
                case 8: Item<Vec256>(args, item); break;
                default: Item<Vec128>(args, item); break;
            }
    }

    /// <summary>Adds the items' sums, in double precision.</summary>
    public static void Combine(LayerNormGradFp32Args* args)
    {
        var items = WorkItems(args);
        for (var column = 0; column < args->Columns; column++)
        {
            double scale = 0, bias = 0;
            for (var item = 0; item < items; item++)
            {
                float* sums = args->Partials + 2L * item * args->Columns;
                scale += sums[column];
                bias += sums[args->Columns + column];
            }
            (args->DScale[column], args->DBias[column]) = ((float)scale, (float)bias);
        }
    }

    private static nint RowsPerItem(LayerNormGradFp32Args* args) => Math.Max(1, ItemElements / args->Columns);

    private static void Item<V>(LayerNormGradFp32Args* args, int item) where V : struct, IVec<V>
    {
        float* sums = args->Partials + 2L * item * args->Columns;
        new Span<float>(sums, 2 * args->Columns).Clear();
        var last = Math.Min(args->Rows, (item + 1) * RowsPerItem(args));
        for (var row = item * RowsPerItem(args); row < last; row++)
        {
            var at = row * args->Columns;
            var mean = (float)(RowSum<V>.Of(args->X + at, args->Columns) / args->Columns);
            var (deviations, squares) = RowDeviations<V>.Of(args->X + at, args->Columns, mean);
            // The mean's own rounding error, as in the forward kernel.
            var error = deviations / args->Columns;
            var inverse = 1 / Math.Sqrt(Math.Max(0, squares / args->Columns - error * error) + args->Epsilon);
            Row<V>(args, at, sums, mean, (float)error, (float)inverse);
        }
    }

    // g = dy * scale; dx = r * (g - mean(g) - xhat * mean(g * xhat)).
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row<V>(LayerNormGradFp32Args* args, nint at, float* sums, float mean, float error, float inverse) where V : struct, IVec<V>
    {
        V center = V.Broadcast(mean), shift = V.Broadcast(error), factor = V.Broadcast(inverse), gradients = V.Zero, products = V.Zero;
        float* x = args->X + at, dy = args->DY + at, dx = args->DX + at, scale = args->Scale;
        var columns = args->Columns;
        for (var i = 0; i < columns; i += V.Count)
        {
            var valid = Math.Min(V.Count, columns - i);
            V d = V.LoadPartial(dy + i, valid), normalized = (V.LoadPartial(x + i, valid) - center - shift) * factor;
            V.StorePartial(sums + i, valid, V.LoadPartial(sums + i, valid) + d * normalized);
            V.StorePartial(sums + columns + i, valid, V.LoadPartial(sums + columns + i, valid) + d);
            // Lanes after the end are 0 here because d is.
            V g = d * V.LoadPartial(scale + i, valid);
            gradients += g;
            products += g * normalized;
        }
        V average = V.Broadcast((float)(RowSum<V>.OfLanes(gradients) / columns)), correlation = V.Broadcast((float)(RowSum<V>.OfLanes(products) / columns));
        for (var i = 0; i < columns; i += V.Count)
        {
            var valid = Math.Min(V.Count, columns - i);
            V g = V.LoadPartial(dy + i, valid) * V.LoadPartial(scale + i, valid), normalized = (V.LoadPartial(x + i, valid) - center - shift) * factor;
            V.StorePartial(dx + i, valid, factor * (g - average - normalized * correlation));
        }
    }
}
