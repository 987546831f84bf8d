using System.Globalization;

namespace Pith;

/// <summary>
/// One dimension of a <see cref="TensorType"/>, or one element of a small integer tensor that holds sizes: a number, or an expression over symbols such as <c>N</c> that stand for sizes
/// known only at run time. Expressions are sums of products with integer coefficients, whose factors are symbols, quotients rounded down, minima, maxima and sizes of broadcasting.
/// They have one normal form: what is equal as a sum of products is equal, and two different sizes never have one name. Symbols are 0 or larger. Value-equal, immutable.
/// </summary>
public readonly record struct Dim
{
    private readonly long _value;
    private readonly DimExpression? _expression;

    private Dim(long value, DimExpression? expression) => (_value, _expression) = (value, expression);

    internal Dim(DimExpression expression) : this(0, expression) { }

    /// <summary>The fixed size; meaningless (0) when <see cref="IsFixed"/> is false.</summary>
    /// <exception cref="PithException">The number does not fit 32 bits, so no axis can have that size.</exception>
    public int Size => _value is >= int.MinValue and <= int.MaxValue ? (int)_value : throw new PithException($"{_value} is larger than any size that Pith can represent.");

    /// <summary>The fixed number, which may be the element of a tensor and no size; meaningless (0) when <see cref="IsFixed"/> is false.</summary>
    public long Value => _value;

    /// <summary>The symbol's name when the dimension is one symbol; null for numbers and for other expressions.</summary>
    public string? Symbol => _expression?.Symbol;

    /// <summary>True when the number is known.</summary>
    public bool IsFixed => _expression is null;

    /// <summary>True when the dimension cannot be negative, whatever its symbols stand for.</summary>
    public bool IsNonNegative => _expression is null ? _value >= 0 : _expression.IsNonNegative;

    /// <summary>The names of the symbols in the dimension, each once; none for a number.</summary>
    public IEnumerable<string> Symbols => _expression is null ? [] : _expression.Symbols.Distinct();

    internal DimExpression? Expression => _expression;

    /// <summary>A dimension of a known size.</summary>
    public static Dim Of(int size) => new(size, null);

    /// <summary>A known number.</summary>
    public static Dim Of(long number) => new(number, null);

    /// <summary>A dimension that is known by name only. The name means nothing: <c>4*N</c> as a name is not four times <c>N</c>.</summary>
    public static Dim Named(string symbol) => new(DimExpression.Of(new SymbolAtom(symbol)));

    /// <summary>A size of which nothing is known before the run, other than all others but that of the same <paramref name="origin"/>.</summary>
    internal static Dim Unknown(string origin) => new(DimExpression.Of(new UnknownAtom(origin)));

    /// <summary>A fixed dimension from a number, so that shapes can be written as <c>[Dim.Named("N"), 3, 224, 224]</c>.</summary>
    public static implicit operator Dim(int size) => Of(size);

    /// <summary>The sum.</summary>
    /// <exception cref="PithException">A number in it does not fit 64 bits.</exception>
    public static Dim operator +(Dim left, Dim right) => Checked(left, "+", right, (a, b) => checked(a + b), DimExpression.Add);

    /// <summary>The difference.</summary>
    /// <exception cref="PithException">A number in it does not fit 64 bits.</exception>
    public static Dim operator -(Dim left, Dim right) => Checked(left, "-", right, (a, b) => checked(a - b), (a, b) => DimExpression.Add(a, DimExpression.Multiply(-1, b)));

    /// <summary>The product.</summary>
    /// <exception cref="PithException">A number in it does not fit 64 bits.</exception>
    public static Dim operator *(Dim left, Dim right) => Checked(left, "*", right, (a, b) => checked(a * b), DimExpression.Multiply);

    /// <summary>Alias of the addition operator for languages without operators.</summary>
    public static Dim Add(Dim left, Dim right) => left + right;

    /// <summary>Alias of the subtraction operator for languages without operators.</summary>
    public static Dim Subtract(Dim left, Dim right) => left - right;

    /// <summary>Alias of the multiplication operator for languages without operators.</summary>
    public static Dim Multiply(Dim left, Dim right) => left * right;

    /// <summary>The quotient when it is exact whatever the symbols stand for, else null: 12 / 4, <c>8*N</c> / 4 = <c>2*N</c>, <c>8*N</c> / <c>N</c> = 8. A symbol that divides is not 0.</summary>
    public static Dim? DivideExactly(Dim dividend, Dim divisor)
    {
        if (divisor == 0) return null;
        if (dividend == divisor) return 1;
        if (dividend.IsFixed && divisor.IsFixed) return Division.Remainder(dividend.Value, divisor.Value) == 0 ? FloorDivide(dividend, divisor) : null;
        try
        {
            return DimExpression.DivideExactly(dividend, divisor);
        }
        catch (OverflowException overflow)
        {
            throw new PithException($"The size {dividend} / {divisor} is larger than Pith can represent.", overflow);
        }
    }

    /// <summary>The quotient rounded down (to minus infinity).</summary>
    /// <exception cref="PithException">The divisor is 0, or a number does not fit 64 bits.</exception>
    public static Dim FloorDivide(Dim dividend, Dim divisor)
    {
        if (divisor == 0) throw new PithException($"The size {dividend} cannot be divided by 0.");
        return Checked(dividend, "/", divisor, Division.Floor, DimExpression.FloorDivide);
    }

    /// <summary>The quotient rounded up (to plus infinity).</summary>
    /// <exception cref="PithException">The divisor is not positive, or a number does not fit 64 bits.</exception>
    public static Dim CeilDivide(Dim dividend, int divisor) =>
        divisor > 0 ? FloorDivide(dividend + (divisor - 1), divisor) : throw new PithException($"The size {dividend} cannot be divided by {divisor}.");

    /// <summary>The smaller of two.</summary>
    public static Dim Min(Dim left, Dim right) => Extremum(left, right, isMin: true);

    /// <summary>The larger of two.</summary>
    public static Dim Max(Dim left, Dim right) => Extremum(left, right, isMin: false);

    /// <summary>
    /// The size that results when an axis of size <paramref name="left"/> is broadcast with one of size <paramref name="right"/>; null when two fixed sizes differ and neither is 1. A fixed size other
    /// than 1 is the result whatever a symbol beside it stands for, because that must be the same or 1; of two symbols neither is preferred: the result is an expression of both.
    /// </summary>
    public static Dim? Broadcast(Dim left, Dim right)
    {
        if (left == right || right == 1) return left;
        if (left == 1) return right;
        if (left.IsFixed || right.IsFixed) return left.IsFixed && right.IsFixed ? null : left.IsFixed ? left : right;
        return new Dim(DimExpression.Of(BroadcastAtom.Of(left, right)));
    }

    /// <summary>The dimension with sizes in the place of symbols; symbols for which <paramref name="sizes"/> gives null stay.</summary>
    /// <exception cref="PithException">A number does not fit 64 bits, or two sizes cannot be broadcast together.</exception>
    public Dim Bind(Func<string, Dim?> sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return _expression is null ? this : _expression.Bind(sizes);
    }

    /// <summary>The number, or the expression: <c>4*N+1</c>, <c>floor((H+1)/2)</c>. Names that could be taken for more than one symbol stand in braces.</summary>
    public override string ToString() => _expression?.Text ?? _value.ToString(CultureInfo.InvariantCulture);

    private static Dim Extremum(Dim left, Dim right, bool isMin)
    {
        if (left == right) return left;
        if (left.IsFixed && right.IsFixed) return left.Value < right.Value == isMin ? left : right;
        var difference = left - right;
        if (difference.IsNonNegative) return isMin ? right : left;
        if ((0 - difference).IsNonNegative) return isMin ? left : right;
        return new Dim(DimExpression.Of(ExtremumAtom.Of(left, right, isMin)));
    }

    private static Dim Checked(Dim left, string sign, Dim right, Func<long, long, long> numbers, Func<Dim, Dim, Dim> expressions)
    {
        try
        {
            return left.IsFixed && right.IsFixed ? Of(checked(numbers(left._value, right._value))) : expressions(left, right);
        }
        catch (OverflowException overflow)
        {
            throw new PithException($"The size {left} {sign} {right} is larger than Pith can represent.", overflow);
        }
    }
}

/// <summary>Division of 64-bit integers that rounds down.</summary>
internal static class Division
{
    public static long Floor(long dividend, long divisor) => checked(dividend / divisor) - (dividend % divisor != 0 && (dividend < 0) != (divisor < 0) ? 1 : 0);

    /// <summary>What is left; it has the sign of the divisor.</summary>
    public static long Remainder(long dividend, long divisor) => divisor == -1 ? 0 : dividend % divisor is var rest && rest != 0 && (rest < 0) != (divisor < 0) ? rest + divisor : rest;
}
