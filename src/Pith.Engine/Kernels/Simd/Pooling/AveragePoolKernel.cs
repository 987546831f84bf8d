using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Average pooling with vectors <typeparamref name="V"/>.</summary>
internal static unsafe class AveragePoolKernel<V> where V : struct, IVec<V>
{
    /// <summary>Computes output rows.</summary>
    public static void Run(PoolFp32Args* args, int begin, int end)
    {
        TapAxis h = args->Window.H, w = args->Window.W;
        for (var item = begin; item < end; item++)
        {
            int image = item / args->Y.Height, row = item % args->Y.Height;
            for (var column = 0; column < args->Y.Width; column++)
            {
                var cell = new PoolCell(h, w, args->X, row, column);
                Pool(args, cell, Divisor(args, cell, row, column), args->X.At(image, cell.Row, cell.Column), args->Y.At(image, row, column));
            }
        }
    }

    /// <summary>Computes the input gradients of images.</summary>
    public static void RunGradient(PoolFp32Args* args, int begin, int end)
    {
        TapAxis h = args->Window.H, w = args->Window.W;
        for (var image = begin; image < end; image++)
        {
            PoolFp32.Clear(args->DX, image);
            for (var row = 0; row < args->Y.Height; row++)
            {
                for (var column = 0; column < args->Y.Width; column++)
                {
                    var cell = new PoolCell(h, w, args->DX, row, column);
                    Scatter(args, cell, Divisor(args, cell, row, column), args->Y.At(image, row, column), args->DX.At(image, cell.Row, cell.Column));
                }
            }
        }
    }

    /// <summary>How many elements a window averages over.</summary>
    private static float Divisor(PoolFp32Args* args, in PoolCell cell, int row, int column)
    {
        ref var window = ref args->Window;
        if (args->CountIncludePad == 0) return cell.Rows * cell.Columns;
        return Counted(window.H, args->X.Height + window.PadBottom, row) * Counted(window.W, args->X.Width + window.PadRight, column);
    }

    /// <summary>Taps that lie before <paramref name="end"/>; leading padding counts.</summary>
    private static int Counted(in TapAxis axis, int end, int output) =>
        Math.Clamp((end - 1 - axis.First(output)) / axis.Step + 1, 0, axis.Count);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pool(PoolFp32Args* args, in PoolCell cell, float divisor, float* x, float* y)
    {
        int channels = args->X.Channels, rows = cell.Rows, columns = cell.Columns;
        nint rowStep = args->Window.DilationH * args->X.RowStride, columnStep = args->Window.DilationW * args->X.PixelStride;
        V count = V.Broadcast(divisor);
        for (var c = 0; c < channels; c += V.Count)
        {
            var valid = channels - c;
            V sum = V.Zero;
            for (var r = 0; r < rows; r++)
            {
                float* from = x + c + r * rowStep;
                for (var s = 0; s < columns; s++, from += columnStep) sum += Lanes<V>.Load(from, valid);
            }
            Lanes<V>.Store(y + c, valid, sum / count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scatter(PoolFp32Args* args, in PoolCell cell, float divisor, float* dy, float* dx)
    {
        int channels = args->DX.Channels, rows = cell.Rows, columns = cell.Columns;
        nint rowStep = args->Window.DilationH * args->DX.RowStride, columnStep = args->Window.DilationW * args->DX.PixelStride;
        V count = V.Broadcast(divisor);
        for (var c = 0; c < channels; c += V.Count)
        {
            var valid = channels - c;
            V share = Lanes<V>.Load(dy + c, valid) / count;
            for (var r = 0; r < rows; r++)
            {
                float* to = dx + c + r * rowStep;
                for (var s = 0; s < columns; s++, to += columnStep) Lanes<V>.Store(to, valid, Lanes<V>.Load(to, valid) + share);
            }
        }
    }
}
