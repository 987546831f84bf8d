using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Operands of group normalization, and how the work is cut. Results depend on the cut, which depends on the shape alone.</summary>
internal unsafe struct GroupNormFp32Args
{
    private const int BlockElements = 8192, LeastBlockPixels = 64;

    /// <summary>Sizes of x and y; Groups divides Channels.</summary>
    public required int Images, Channels, Pixels, Groups;

    /// <summary>[Images, Pixels, Channels] if true, else [Images, Channels, Pixels].</summary>
    public required bool IsChannelsLast;

    /// <summary>Dense floats; Y may be X. Where channels are last, rows of Y may lie apart.</summary>
    public required float* X, Y;

    /// <summary>Where channels are last: pixels of a row of Y, and floats from row to row and from image to image.</summary>
    public required nint Width, RowStride, ImageStride;

    /// <summary>[Channels].</summary>
    public required float* Scale, Bias;

    /// <summary>Added to the variance.</summary>
    public required float Epsilon;

    /// <summary>Constants of the activation.</summary>
    public required float A, B;

    /// <summary>Scratch memory: for each block of each image <see cref="Moments"/> rows of [Channels], then for each image <see cref="Coefficients"/> rows.</summary>
    public required float* Scratch;

    /// <summary>Rows that a block leaves: a float near the mean, the mean minus that, the sum of squared deviations.</summary>
    public const int Moments = 3;

    /// <summary>Rows that the second phase makes: a float near the mean, the mean minus that, factor, offset.</summary>
    public const int Coefficients = 4;

    /// <summary>Pixels of a block, the last may have fewer.</summary>
    public static int BlockPixels(int channels, int pixels, bool isChannelsLast) => Math.Min(pixels, isChannelsLast ? Math.Max(LeastBlockPixels, BlockElements / channels) : BlockElements);

    /// <summary>Blocks of an image.</summary>
    public static int Blocks(int channels, int pixels, bool isChannelsLast) => EvenParts.Count(pixels, BlockPixels(channels, pixels, isChannelsLast));

    /// <summary>Floats of scratch memory.</summary>
    public static long ScratchFloats(long images, int channels, int pixels, bool isChannelsLast) => images * channels * (Moments * (long)Blocks(channels, pixels, isChannelsLast) + Coefficients);

    public readonly int BlockCount => Blocks(Channels, Pixels, IsChannelsLast);

    public readonly int BlockLength => BlockPixels(Channels, Pixels, IsChannelsLast);

    public readonly float* MomentsOf(nint image, int block) => Scratch + (image * BlockCount + block) * Moments * Channels;

    public readonly float* CoefficientsOf(nint image) => Scratch + (nint)Images * BlockCount * Moments * Channels + image * Coefficients * Channels;
}

/// <summary>
/// Group normalization in three phases: moments of blocks of pixels, for each channel; their sums for each group of an image; and the normalized blocks with the activation. The rounding error of a
/// block's mean is measured and taken away, so that a large mean costs no digits.
/// </summary>
internal static unsafe class GroupNormFp32<V, TActivation> where V : struct, IVec<V> where TActivation : struct, IActivation
{
    /// <summary>The moments of channels [<paramref name="first"/>, <paramref name="end"/>) in a block.</summary>
    public static void Measure(GroupNormFp32Args* args, nint image, int block, int first, int end)
    {
        var (begin, count) = Range(args, block);
        float* moments = args->MomentsOf(image, block);
        if (args->IsChannelsLast) MeasurePixels(args->X + (image * args->Pixels + begin) * args->Channels, moments, args->Channels, count, first, end);
        else
            for (var c = first; c < end; c++) MeasureRow(args->X + (image * args->Channels + c) * args->Pixels + begin, moments + c, args->Channels, count, 1.0 / count);
    }

    /// <summary>From the moments of an image's blocks to the coefficients of groups [<paramref name="first"/>, <paramref name="end"/>).</summary>
    public static void Combine(GroupNormFp32Args* args, nint image, int first, int end)
    {
        var (channels, each) = (args->Channels, args->Channels / args->Groups);
        float* coefficients = args->CoefficientsOf(image);
        var share = 1 / ((double)each * args->Pixels);
        for (var group = first; group < end; group++)
        {
            double sum = 0, squares = 0;
            for (var block = 0; block < args->BlockCount; block++)
            {
                float* moments = args->MomentsOf(image, block) + group * each;
                double ofBlock = 0;
                for (var c = 0; c < each; c++) ofBlock += (double)moments[c] + moments[channels + c];
                sum += ofBlock * Range(args, block).Count;
            }
            var mean = sum * share;
            for (var block = 0; block < args->BlockCount; block++)
            {
                float* moments = args->MomentsOf(image, block) + group * each;
                double apart = 0;
                for (var c = 0; c < each; c++)
                {
                    var distance = (double)moments[c] + moments[channels + c] - mean;
                    squares += moments[2 * channels + c];
                    apart += distance * distance;
                }
                squares += apart * Range(args, block).Count;
            }
            // Of equal elements the difference is rounding, which may be negative.
            var inverse = 1 / Math.Sqrt(Math.Max(0, squares * share) + args->Epsilon);
            for (var c = group * each; c < (group + 1) * each; c++)
            {
                coefficients[c] = (float)mean;
                coefficients[channels + c] = (float)(mean - (float)mean);
                coefficients[2 * channels + c] = (float)(inverse * args->Scale[c]);
                coefficients[3 * channels + c] = args->Bias[c];
            }
        }
    }

    /// <summary>Writes channels [<paramref name="first"/>, <paramref name="end"/>) of a block.</summary>
    public static void Normalize(GroupNormFp32Args* args, nint image, int block, int first, int end)
    {
        var (begin, count) = Range(args, block);
        float* coefficients = args->CoefficientsOf(image);
        V a = V.Broadcast(args->A), b = V.Broadcast(args->B);
        if (args->IsChannelsLast)
        {
            var at = (image * args->Pixels + begin) * args->Channels;
            var (row, column) = Math.DivRem((nint)begin, args->Width);
            var to = args->Y + image * args->ImageStride + row * args->RowStride + column * args->Channels;
            for (var pixel = 0; pixel < count; pixel++, at += args->Channels, to += args->Channels)
            {
                if (column++ == args->Width)
                {
                    column = 1;
                    to += args->RowStride - args->Width * args->Channels;
                }
                NormalizePixel(args->X + at, to, coefficients, args->Channels, first, end, a, b);
            }
            return;
        }
        for (var c = first; c < end; c++)
        {
            var at = (image * args->Channels + c) * args->Pixels + begin;
            NormalizeRow(args->X + at, args->Y + at, coefficients + c, args->Channels, count, a, b);
        }
    }

    private static (int Begin, int Count) Range(GroupNormFp32Args* args, int block) => (block * args->BlockLength, Math.Min(args->BlockLength, args->Pixels - block * args->BlockLength));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MeasurePixels(float* x, float* moments, int channels, int pixels, int first, int end)
    {
        V share = V.Broadcast(1f / pixels);
        for (var c = first; c < end; c += V.Count)
        {
            var valid = Math.Min(V.Count, end - c);
            float* from = x + c;
            V sum0 = V.Zero, sum1 = V.Zero, sum2 = V.Zero, sum3 = V.Zero;
            nint stride = channels;
            var p = 0;
            for (; p <= pixels - 4; p += 4, from += 4 * stride)
            {
                sum0 += Lanes<V>.Load(from, valid);
                sum1 += Lanes<V>.Load(from + stride, valid);
                sum2 += Lanes<V>.Load(from + 2 * stride, valid);
                sum3 += Lanes<V>.Load(from + 3 * stride, valid);
            }
            for (; p < pixels; p++, from += stride) sum0 += Lanes<V>.Load(from, valid);
            V center = (sum0 + sum1 + (sum2 + sum3)) * share;
            V rest0 = V.Zero, rest1 = V.Zero, squares0 = V.Zero, squares1 = V.Zero;
            from = x + c;
            for (p = 0; p <= pixels - 2; p += 2, from += 2 * stride)
            {
                V one = Lanes<V>.Load(from, valid) - center, two = Lanes<V>.Load(from + stride, valid) - center;
                rest0 += one;
                rest1 += two;
                squares0 = V.MultiplyAdd(one, one, squares0);
                squares1 = V.MultiplyAdd(two, two, squares1);
            }
            if (p < pixels)
            {
                V one = Lanes<V>.Load(from, valid) - center;
                rest0 += one;
                squares0 = V.MultiplyAdd(one, one, squares0);
            }
            V rest = rest0 + rest1, error = rest * share;
            Lanes<V>.Store(moments + c, valid, center);
            Lanes<V>.Store(moments + channels + c, valid, error);
            Lanes<V>.Store(moments + 2 * channels + c, valid, squares0 + squares1 - rest * error);
        }
    }

    private static void MeasureRow(float* x, float* moments, int channels, int count, double share)
    {
        var center = (float)(RowSum<V>.Of(x, count) * share);
        var (deviations, squares) = RowDeviations<V>.Of(x, count, center);
        moments[0] = center;
        moments[channels] = (float)(deviations * share);
        moments[2 * channels] = (float)(squares - deviations * deviations * share);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NormalizePixel(float* x, float* y, float* coefficients, int channels, int first, int end, V a, V b)
    {
        float* errors = coefficients + channels, factors = errors + channels, offsets = factors + channels;
        var c = first;
        for (; c <= end - V.Count; c += V.Count)
        {
            V value = V.Load(x + c) - V.Load(coefficients + c) - V.Load(errors + c);
            V.Store(y + c, TActivation.Apply(V.MultiplyAdd(value, V.Load(factors + c), V.Load(offsets + c)), a, b));
        }
        if (c == end) return;
        var valid = end - c;
        V tail = V.LoadPartial(x + c, valid) - V.LoadPartial(coefficients + c, valid) - V.LoadPartial(errors + c, valid);
        V.StorePartial(y + c, valid, TActivation.Apply(V.MultiplyAdd(tail, V.LoadPartial(factors + c, valid), V.LoadPartial(offsets + c, valid)), a, b));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NormalizeRow(float* x, float* y, float* coefficients, int channels, int count, V a, V b)
    {
        V center = V.Broadcast(coefficients[0]), error = V.Broadcast(coefficients[channels]), factor = V.Broadcast(coefficients[2 * channels]), offset = V.Broadcast(coefficients[3 * channels]);
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) V.Store(y + i, TActivation.Apply(V.MultiplyAdd(V.Load(x + i) - center - error, factor, offset), a, b));
        if (i < count) V.StorePartial(y + i, count - i, TActivation.Apply(V.MultiplyAdd(V.LoadPartial(x + i, count - i) - center - error, factor, offset), a, b));
    }
}
