using System.Globalization;

namespace Pith;

/// <summary>
/// How far a number may be from the one expected: floats by <c>Absolute + Relative * |expected|</c>, integers and booleans not at all. NaN equals NaN, an
/// infinity only itself.
/// </summary>
/// <param name="Absolute">The part that does not depend on the value.</param>
/// <param name="Relative">The part that grows with it.</param>
public sealed record Tolerance(double Absolute = 1e-5, double Relative = 1e-3)
{
    /// <summary>Compares a tensor with the one expected.</summary>
    /// <returns>Null when type, shape and all elements are as expected.</returns>
    public TensorMismatch? Compare(Tensor expected, Tensor got)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(got);
        if (got.DataType != expected.DataType || got.Shape != expected.Shape) return new TensorMismatch { Expected = expected.ToString(), Got = got.ToString() };
        // Most tensors are equal, and equal bytes are equal numbers.
        if (expected.Bytes.SequenceEqual(got.Bytes)) return null;
        // 64-bit integers are judged by their bytes: two that differ may be one double.
        var isFloat = expected.DataType.IsFloat();
        var size = expected.DataType.SizeInBytes();
        var (wanted, have) = (Doubles(expected), Doubles(got));
        int different = 0, first = -1, worst = -1;
        var (worstExcess, maxError) = (double.NegativeInfinity, 0d);
        for (var i = 0; i < wanted.Length; i++)
        {
            var error = isFloat && wanted[i].Equals(have[i]) ? 0 : Math.Abs(wanted[i] - have[i]);
            if (double.IsNaN(error)) error = double.PositiveInfinity;
            maxError = Math.Max(maxError, error);
            var fits = isFloat ? error <= Absolute + Relative * Math.Abs(wanted[i]) && double.IsFinite(error) : expected.Bytes.Slice(i * size, size).SequenceEqual(got.Bytes.Slice(i * size, size));
            if (fits) continue;
            different++;
            if (first < 0) first = i;
            var excess = isFloat ? error - (Relative * Math.Abs(wanted[i]) is var part && double.IsFinite(part) ? part : 0) : error;
            if (excess > worstExcess) (worst, worstExcess) = (i, excess);
        }
        return different == 0 ? null : new TensorMismatch
        {
            Elements = wanted.Length,
            Different = different,
            First = IndexOf(first, expected.Shape),
            Worst = IndexOf(worst, expected.Shape),
            Expected = Text(expected, worst),
            Got = Text(got, worst),
            MaxAbsoluteError = maxError,
        };
    }

    private static double[] Doubles(Tensor tensor) => tensor.ConvertTo(DataType.Float64).As<double>().Data;

    private static int[] IndexOf(int element, Shape shape)
    {
        var index = new int[shape.Rank];
        for (var axis = shape.Rank - 1; axis >= 0; axis--) (element, index[axis]) = Math.DivRem(element, shape[axis]);
        return index;
    }

    private static string Text(Tensor tensor, int element) => tensor switch
    {
        Tensor<long> t => t.Data[element].ToString(CultureInfo.InvariantCulture),
        Tensor<ulong> t => t.Data[element].ToString(CultureInfo.InvariantCulture),
        Tensor<float> t => t.Data[element].ToString("R", CultureInfo.InvariantCulture),
        Tensor<Half> t => t.Data[element].ToString("R", CultureInfo.InvariantCulture),
        Tensor<bool> t => t.Data[element] ? "true" : "false",
        _ => Doubles(tensor)[element].ToString("R", CultureInfo.InvariantCulture),
    };
}

/// <summary>Where a tensor is not as expected: of another type or shape (then <see cref="Elements"/> is 0), or in some of its elements.</summary>
public sealed record TensorMismatch
{
    /// <summary>Elements compared; 0 when type or shape differ.</summary>
    public int Elements { get; init; }

    /// <summary>Elements outside of the tolerance.</summary>
    public int Different { get; init; }

    /// <summary>The index of the first of them, one number per dimension.</summary>
    public IReadOnlyList<int> First { get; init; } = [];

    /// <summary>The index of the one that is farthest outside.</summary>
    public IReadOnlyList<int> Worst { get; init; } = [];

    /// <summary>The value expected at <see cref="Worst"/>, or the type and shape expected.</summary>
    public required string Expected { get; init; }

    /// <summary>What was there instead.</summary>
    public required string Got { get; init; }

    /// <summary>The largest |expected - got|; infinite when NaN or an infinity is on one side only.</summary>
    public double MaxAbsoluteError { get; init; }

    /// <summary>One line for messages.</summary>
    public override string ToString() => Elements == 0
        ? $"expected {Expected}, got {Got}"
        : string.Create(CultureInfo.InvariantCulture, $"{Different} of {Elements} elements differ, first at [{string.Join(",", First)}], most at [{string.Join(",", Worst)}]: expected {Expected}, got {Got}; largest error {MaxAbsoluteError:0.###e0}");
}
