using System.Runtime.Intrinsics;

namespace Pith.Kernels;

/// <summary>
/// F(m x m, 3x3) of Winograd in the form of Lavin and Gray (arXiv 1509.09308): a tile is m x m outputs A'[(G g G') * (B' d B)]A of (m + 2) x (m + 2) inputs d, which for each input channel takes
/// (m + 2)^2 products where the plain sum has 9 m^2. The transforms evaluate polynomials at m + 1 points and infinity: 0 and pairs +p, -p, which share most of their arithmetic. Positions along an
/// axis are ordered 0, +p1, -p1, +p2, -p2, infinity.
/// </summary>
/// <remarks>
/// Points decide how much of the precision is left. Measured against sums in double precision, relative to the sum of the absolute products, on 300 tiles of 64 channels (512 are not worse): largest
/// error and root mean square 1.8e-7 and 2.4e-8 for the chain of fused multiply-adds of the plain kernels; 7e-8 and 1.7e-8 for m = 2 with 1; 4.2e-7 and 4.8e-8 for m = 4 with 5/8 and 3/2;
/// 1.4e-6 and 1e-7 with the usual 1 and 2. The worst case, from the matrices' absolute values, is 7, 63 and 256 times that of the plain sum. It is the tile's largest output that counts: an output that is
/// much smaller than its neighbours is less precise, and infinities and NaN spread over the tile.
/// </remarks>
internal sealed class WinogradPoints
{
    /// <summary>Rows and columns of a window.</summary>
    public const int Window = 3;

    /// <summary>Weights of a window.</summary>
    public const int Taps = Window * Window;

    private readonly double[] _points;

    // G, row by row.
    private readonly double[] _weightTransform;

    // The same, rounded.
    private readonly float[] _gradientTransform;

    private readonly float[] _coefficients;

    private WinogradPoints(params double[] points)
    {
        _points = points;
        _coefficients = [.. Enumerable.Range(0, Pairs).Select(Even).Concat(from pair in Enumerable.Range(0, Pairs) from power in Enumerable.Range(1, Outputs - 1) select Power(pair, power))
            .Concat(Enumerable.Range(0, Pairs).Select(MinusSquare)).Distinct()];
        _weightTransform = [.. Enumerable.Range(0, Size).SelectMany(WeightRow)];
        _gradientTransform = [.. _weightTransform.Select(weight => (float)weight)];
    }

    /// <summary>Tiles of 2x2 outputs: 16 products for 4 outputs. As precise as the plain sum.</summary>
    public static WinogradPoints Two { get; } = new(1);

    /// <summary>Tiles of 4x4 outputs: 36 products for 16 outputs, with twice to three times the error of the plain sum. All coefficients of the inputs' and the outputs' transforms are exact.</summary>
    public static WinogradPoints Four { get; } = new(0.625, 1.5);

    /// <summary>Pairs of points.</summary>
    public int Pairs => _points.Length;

    /// <summary>Rows and columns of a tile.</summary>
    public int Outputs => 2 * Pairs;

    /// <summary>Rows and columns of a tile's input, and of its transform.</summary>
    public int Size => Outputs + Window - 1;

    /// <summary>Products of a tile for each input channel.</summary>
    public int Positions => Size * Size;

    /// <summary>The numbers that kernels multiply with, without repetition.</summary>
    public ReadOnlySpan<float> Coefficients => _coefficients;

    /// <summary>Where a number is among the <see cref="Coefficients"/>.</summary>
    public int IndexOf(float coefficient) => Array.IndexOf(_coefficients, coefficient) is var index and >= 0 ? index : throw new ArgumentOutOfRangeException(nameof(coefficient));

    /// <summary>The coefficient of x^(2 <paramref name="index"/>) in (x^2 - p1^2)(x^2 - p2^2)…; that of the highest power is 1.</summary>
    public float Even(int index) => (float)(Pairs == 1 ? -Square(0) : index == 0 ? Square(0) * Square(1) : -Square(0) - Square(1));

    /// <summary>-p^2 of a pair.</summary>
    public float MinusSquare(int pair) => (float)-Square(pair);

    /// <summary>A power of a pair's positive point.</summary>
    public float Power(int pair, int power) => (float)Math.Pow(_points[pair], power);

    /// <summary>G g G' of windows of 3 x 3 weights, one in each of 16 lanes, rounded once.</summary>
    /// <param name="window">[<see cref="Taps"/>][16], row by row.</param>
    /// <param name="transformed">Receives [<see cref="Positions"/>][16], row by row.</param>
    public unsafe void TransformWeights(float* window, float* transformed)
    {
        const int lanes = 16;
        // Half of the lanes at a time, in double precision.
        for (var lane = 0; lane < lanes; lane += Vector512<double>.Count, window += Vector512<double>.Count, transformed += Vector512<double>.Count)
        {
            Vector512<double> g0 = Tap(0), g1 = Tap(1), g2 = Tap(2), g3 = Tap(3), g4 = Tap(4), g5 = Tap(5), g6 = Tap(6), g7 = Tap(7), g8 = Tap(8);
            for (var row = 0; row < Size; row++)
            {
                Vector512<double> a = Weighted(row, g0, g3, g6), b = Weighted(row, g1, g4, g7), c = Weighted(row, g2, g5, g8);
                for (var column = 0; column < Size; column++)
                {
                    var position = Weighted(column, a, b, c);
                    Vector256.Narrow(position.GetLower(), position.GetUpper()).Store(transformed + (row * Size + column) * lanes);
                }
            }

            Vector512<double> Tap(int tap) => Vector512.WidenLower(Vector512.Create(Vector256.Load(window + tap * lanes), default));
        }
    }

    /// <summary>G' s G of sums at all positions, one in each lane: the gradient of windows of 3 x 3 weights.</summary>
    /// <param name="sums">[<see cref="Positions"/>], <paramref name="stride"/> floats from one to the next.</param>
    /// <param name="stride">Floats between positions.</param>
    /// <param name="window">Receives nine gradients, row by row.</param>
    public unsafe void TransformGradient(float* sums, nint stride, Span<Vector512<float>> window)
    {
        window.Clear();
        for (var row = 0; row < Size; row++)
        {
            Vector512<float> a = default, b = default, c = default;
            for (var column = 0; column < Size; column++, sums += stride)
            {
                var sum = Vector512.Load(sums);
                a = Vector512.FusedMultiplyAdd(sum, Vector512.Create(_gradientTransform[Window * column]), a);
                b = Vector512.FusedMultiplyAdd(sum, Vector512.Create(_gradientTransform[Window * column + 1]), b);
                c = Vector512.FusedMultiplyAdd(sum, Vector512.Create(_gradientTransform[Window * column + 2]), c);
            }
            for (var tap = 0; tap < Window; tap++)
            {
                var factor = Vector512.Create(_gradientTransform[Window * row + tap]);
                window[Window * tap] = Vector512.FusedMultiplyAdd(a, factor, window[Window * tap]);
                window[Window * tap + 1] = Vector512.FusedMultiplyAdd(b, factor, window[Window * tap + 1]);
                window[Window * tap + 2] = Vector512.FusedMultiplyAdd(c, factor, window[Window * tap + 2]);
            }
        }
    }

    private Vector512<double> Weighted(int position, Vector512<double> a, Vector512<double> b, Vector512<double> c) => _weightTransform[Window * position] * a + _weightTransform[Window * position + 1] * b + _weightTransform[Window * position + 2] * c;

    // The polynomial a + b x + c x^2 at a position, over the product of the differences to the other points: what a, b and c are multiplied with.
    private double[] WeightRow(int position)
    {
        if (position == Size - 1) return [0, 0, 1];
        if (position == 0) return [1.0 / Even(0), 0, 0];
        var pair = (position - 1) / 2;
        var x = position % 2 == 1 ? _points[pair] : -_points[pair];
        var differences = 2 * Square(pair) * (Pairs == 1 ? 1 : Square(pair) - Square(1 - pair));
        return [1 / differences, x / differences, x * x / differences];
    }

    private double Square(int pair) => _points[pair] * _points[pair];
}
