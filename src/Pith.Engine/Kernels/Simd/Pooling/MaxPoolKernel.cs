using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Max pooling with vectors <typeparamref name="V"/>.</summary>
internal static unsafe class MaxPoolKernel<V> where V : struct, IVec<V>
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
                Pool(args, cell, args->X.At(image, cell.Row, cell.Column), args->Y.At(image, row, column));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pool(PoolFp32Args* args, in PoolCell cell, float* x, float* y)
    {
        int channels = args->X.Channels, rows = cell.Rows, columns = cell.Columns;
        nint rowStep = args->Window.DilationH * args->X.RowStride, columnStep = args->Window.DilationW * args->X.PixelStride;
        for (var c = 0; c < channels; c += V.Count)
        {
            var valid = channels - c;
            V largest = V.Broadcast(float.NegativeInfinity);
            if (rows > 0 && columns > 0) largest = Lanes<V>.Load(x + c, valid);
            for (var r = 0; r < rows; r++)
            {
                float* from = x + c + r * rowStep;
                for (var s = 0; s < columns; s++, from += columnStep)
                {
                    V value = Lanes<V>.Load(from, valid);
                    largest = V.SelectGreater(value, largest, value, largest);
                }
            }
            Lanes<V>.Store(y + c, valid, largest);
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
                    var cell = new PoolCell(h, w, args->X, row, column);
                    float* x = args->X.At(image, cell.Row, cell.Column), dx = args->DX.At(image, cell.Row, cell.Column);
                    Scatter(args, cell, x, args->Y.At(image, row, column), dx);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scatter(PoolFp32Args* args, in PoolCell cell, float* x, float* dy, float* dx)
    {
        int channels = args->X.Channels, rows = cell.Rows, columns = cell.Columns;
        if (rows == 0 || columns == 0) return;
        nint rowStep = args->Window.DilationH * args->X.RowStride, columnStep = args->Window.DilationW * args->X.PixelStride;
        nint toRowStep = args->Window.DilationH * args->DX.RowStride, toColumnStep = args->Window.DilationW * args->DX.PixelStride;
        for (var c = 0; c < channels; c += V.Count)
        {
            var valid = channels - c;
            V largest = Lanes<V>.Load(x + c, valid), winner = V.Zero, gradient = Lanes<V>.Load(dy + c, valid);
            for (var tap = 1; tap < rows * columns; tap++)
            {
                V value = Lanes<V>.Load(x + c + tap / columns * rowStep + tap % columns * columnStep, valid);
                winner = V.SelectGreater(value, largest, V.Broadcast(tap), winner);
                largest = V.SelectGreater(value, largest, value, largest);
            }
            for (var tap = 0; tap < rows * columns; tap++)
            {
                V number = V.Broadcast(tap);
                V share = V.SelectGreaterOrEqual(winner, number, V.SelectGreaterOrEqual(number, winner, gradient, V.Zero), V.Zero);
                float* to = dx + c + tap / columns * toRowStep + tap % columns * toColumnStep;
                Lanes<V>.Store(to, valid, Lanes<V>.Load(to, valid) + share);
            }
        }
    }
}
