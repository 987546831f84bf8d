using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Operands of softmax over the last axis of dense [Rows, Columns], or of its gradient.</summary>
internal unsafe struct SoftmaxFp32Args
{
    /// <summary>Rows.</summary>
    public required nint Rows;

    /// <summary>Elements of a row; at least 1.</summary>
    public required int Columns;

    /// <summary>Forward: logits. Gradient: the forward result.</summary>
    public required float* X;

    /// <summary>Forward: result. Gradient: dx. May be an operand itself.</summary>
    public required float* Y;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>Gradient of the result; unused by the forward pass.</summary>
    public float* DY;

    /// <summary>Non-zero: the logarithm of softmax.</summary>
    public int Logarithm;
}

/// <summary>Softmax and log-softmax, shifted by the largest logit of each row. Sums run over <see cref="SumLanes"/> interleaved parts on every instruction set.</summary>
internal static unsafe class SoftmaxFp32
{
    private const int ItemElements = 8192;
    private const int SumLanes = 16;

    /// <summary>Number of work items.</summary>
    public static int WorkItems(SoftmaxFp32Args* args) => checked((int)((args->Rows + RowsPerItem(args) - 1) / RowsPerItem(args)));

    /// <summary>Computes items of the forward result.</summary>
    public static void Run(SoftmaxFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: Run<Vec512>(args, begin, end); break;
            case 8: Run<Vec256>(args, begin, end); break;
            default: Run<Vec128>(args, begin, end); break;
        }
    }

    /// <summary>Computes items of the gradient: y * (dy - sum(dy * y)), or dy - exp(y) * sum(dy) for the logarithm.</summary>
    public static void RunGradient(SoftmaxFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: RunGradient<Vec512>(args, begin, end); break;
            case 8: RunGradient<Vec256>(args, begin, end); break;
            default: RunGradient<Vec128>(args, begin, end); break;
        }
    }

    private static nint RowsPerItem(SoftmaxFp32Args* args) => Math.Max(1, ItemElements / args->Columns);

    private static void Run<V>(SoftmaxFp32Args* args, int begin, int end) where V : struct, IVec<V>
    {
        float* sums = stackalloc float[SumLanes];
        var last = Math.Min(args->Rows, end * RowsPerItem(args));
        for (var row = begin * RowsPerItem(args); row < last; row++)
        {
            Row<V>(args->X + row * args->Columns, args->Y + row * args->Columns, args->Columns, args->Logarithm != 0, sums);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row<V>(float* x, float* y, int columns, bool logarithm, float* sums) where V : struct, IVec<V>
    {
        var largest = Largest<V>(x, columns, sums);
        V shift = V.Broadcast(largest);
        // Up to four vectors are the lanes of a sum.
        V sum0 = V.Zero, sum1 = V.Zero, sum2 = V.Zero, sum3 = V.Zero;
        var whole = 0;
        for (; whole <= columns - SumLanes; whole += SumLanes)
        {
            sum0 += Power(x + whole, y + whole, shift, logarithm);
            if (V.Count < SumLanes) sum1 += Power(x + whole + V.Count, y + whole + V.Count, shift, logarithm);
            if (2 * V.Count < SumLanes)
            {
                sum2 += Power(x + whole + 2 * V.Count, y + whole + 2 * V.Count, shift, logarithm);
                sum3 += Power(x + whole + 3 * V.Count, y + whole + 3 * V.Count, shift, logarithm);
            }
        }
        V.Store(sums, sum0);
        if (V.Count < SumLanes) V.Store(sums + V.Count, sum1);
        if (2 * V.Count < SumLanes)
        {
            V.Store(sums + 2 * V.Count, sum2);
            V.Store(sums + 3 * V.Count, sum3);
        }
        for (var i = whole; i < columns; i += V.Count)
        {
            var valid = Math.Min(V.Count, columns - i);
            V difference = V.LoadPartial(x + i, valid) - shift;
            V power = VecMath<V>.Exp(difference);
            V.StorePartial(y + i, valid, logarithm ? difference : power);
            float* sum = sums + i % SumLanes;
            V.StorePartial(sum, valid, V.LoadPartial(sum, valid) + power);
        }
        var total = Total(sums);
        V factor = V.Broadcast(1 / total), offset = V.Broadcast(MathF.Log(total));
        var scaled = 0;
        for (; scaled <= columns - V.Count; scaled += V.Count) V.Store(y + scaled, logarithm ? V.Load(y + scaled) - offset : V.Load(y + scaled) * factor);
        for (var i = scaled; i < columns; i += V.Count)
        {
            var valid = Math.Min(V.Count, columns - i);
            V value = V.LoadPartial(y + i, valid);
            V.StorePartial(y + i, valid, logarithm ? value - offset : value * factor);
        }
    }

    // Stores e^(x - shift), or x - shift, and returns the former.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Power<V>(float* x, float* y, V shift, bool logarithm) where V : struct, IVec<V>
    {
        V difference = V.Load(x) - shift;
        V power = VecMath<V>.Exp(difference);
        V.Store(y, logarithm ? difference : power);
        return power;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest<V>(float* x, int columns, float* lanes) where V : struct, IVec<V>
    {
        V largest = V.Broadcast(float.NegativeInfinity);
        var i = 0;
        for (; i <= columns - V.Count; i += V.Count) largest = V.Max(largest, V.Load(x + i));
        V.Store(lanes, largest);
        var result = float.NegativeInfinity;
        for (var lane = 0; lane < V.Count; lane++) result = MathF.Max(result, lanes[lane]);
        for (; i < columns; i++) result = MathF.Max(result, x[i]);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunGradient<V>(SoftmaxFp32Args* args, int begin, int end) where V : struct, IVec<V>
    {
        float* sums = stackalloc float[SumLanes];
        var last = Math.Min(args->Rows, end * RowsPerItem(args));
        var logarithm = args->Logarithm != 0;
        for (var row = begin * RowsPerItem(args); row < last; row++)
        {
            float* y = args->X + row * args->Columns, dy = args->DY + row * args->Columns, dx = args->Y + row * args->Columns;
            new Span<float>(sums, SumLanes).Clear();
            for (var i = 0; i < args->Columns; i += V.Count)
            {
                var valid = Math.Min(V.Count, args->Columns - i);
                V term = V.LoadPartial(dy + i, valid);
                if (!logarithm) term *= V.LoadPartial(y + i, valid);
                float* sum = sums + i % SumLanes;
                V.StorePartial(sum, valid, V.LoadPartial(sum, valid) + term);
            }
            V total = V.Broadcast(Total(sums));
            for (var i = 0; i < args->Columns; i += V.Count)
            {
                var valid = Math.Min(V.Count, args->Columns - i);
                V value = V.LoadPartial(y + i, valid), gradient = V.LoadPartial(dy + i, valid);
                V.StorePartial(dx + i, valid, logarithm ? gradient - VecMath<V>.Exp(value) * total : value * (gradient - total));
            }
        }
    }

    private static float Total(float* sums)
    {
        float total = 0;
        for (var lane = 0; lane < SumLanes; lane++) total += sums[lane];
        return total;
    }
}
