namespace Pith.Fuzz.Differential.Errors;

/// <summary>
/// What the interpreter computed for a value, and how far another correct path may be from it: floating-point sums may be made in another order, or with a batch norm folded into the weights.
/// </summary>
internal sealed class Bounded
{
    public Bounded(Tensor value, float[]? error = null)
    {
        Value = value;
        Error = error is not null && Array.Exists(error, e => e != 0) ? error : null;
    }

    /// <summary>The interpreter's result.</summary>
    public Tensor Value { get; }

    /// <summary>How far each element may be off; infinite where nothing can be said; null when every path gives the same bits.</summary>
    public float[]? Error { get; }

    /// <summary>What an inexact factor folded into what made this value would add to <see cref="Error"/>: rounding of the sums that it consists of. Null: rounding of the value itself.</summary>
    public float[]? Refolding { get; init; }

    /// <summary>How many products an element sums up: what is added to it may become the start of that sum, and is then rounded as often.</summary>
    public double Terms { get; init; } = 1;

    /// <summary>A power of two of which all terms of the value are multiples; 0 when that is not known.</summary>
    public double Unit { get; init; }

    /// <summary>The largest sum of the magnitudes of an element's terms.</summary>
    public double Magnitude { get; init; }

    /// <summary>The first element that is off, as text; null when there is none.</summary>
    public string? Difference(Tensor got)
    {
        if (got.DataType != Value.DataType || got.Shape != Value.Shape) return $"expected {Value}, got {got}";
        var (want, other) = (Doubles(Value), Doubles(got));
        var count = 0;
        var first = "";
        for (var i = 0; i < want.Length; i++)
        {
            var error = Error is null ? 0 : Error[i];
            if (Agree(want[i], other[i], error)) continue;
            if (count++ < 4) first += $"  element {i} {Position(i)}: expected {want[i]:R}{(error == 0 ? " exactly" : $" ± {error}")}, got {other[i]:R}\n";
        }
        return count == 0 ? null : $"{count} of {want.Length} elements of {Value} differ:\n{first}";
    }

    private static bool Agree(double want, double got, float error)
    {
        if (float.IsPositiveInfinity(error) || float.IsNaN(error)) return true;
        if (double.IsNaN(want)) return double.IsNaN(got);
        return want == got || Math.Abs(want - got) <= error;
    }

    private string Position(int index)
    {
        var strides = Value.Shape.Strides();
        return $"[{string.Join(",", Value.Shape.Dims.Select((size, axis) => index / strides[axis] % size))}]";
    }

    internal static double[] Doubles(Tensor tensor) => tensor.ConvertTo(DataType.Float64).As<double>().Data;
}
