namespace Pith;

/// <summary>A factor in the products of a <see cref="DimExpression"/>: a symbol, or a function that is not a sum of products. Equal texts mean equal factors.</summary>
internal abstract class DimAtom
{
    protected DimAtom(string text, bool isNonNegative, IEnumerable<string> symbols) => (Text, IsNonNegative, Symbols) = (text, isNonNegative, symbols);

    public string Text { get; }

    public bool IsNonNegative { get; }

    public IEnumerable<string> Symbols { get; }

    /// <summary>The factor's value with sizes in the place of symbols.</summary>
    public abstract Dim Bind(Func<string, Dim?> sizes);

    protected static string Quoted(string name) => $"{{{name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("}", "\\}", StringComparison.Ordinal)}}}";
}

/// <summary>A size by name.</summary>
internal sealed class SymbolAtom(string name) : DimAtom(IsPlain(name) ? name : Quoted(name), true, [name])
{
    public string Name { get; } = name;

    public override Dim Bind(Func<string, Dim?> sizes) => sizes(Name) ?? Dim.Named(Name);

    /// <summary>Whether a name can only be a symbol, and no number, sum, product or function.</summary>
    public static bool IsPlain(string name) => name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsLetterOrDigit(c) || c is '_' or '.' or ':' or '#' or '$');
}

/// <summary>A size that only the run can tell, by where it comes from.</summary>
internal sealed class UnknownAtom(string origin) : DimAtom($"?{Quoted(origin)}", true, [])
{
    private readonly string _origin = origin;

    public override Dim Bind(Func<string, Dim?> sizes) => Dim.Unknown(_origin);
}

/// <summary>A quotient rounded down.</summary>
internal sealed class QuotientAtom(Dim dividend, Dim divisor)
    : DimAtom($"floor({Operand(dividend, isDivisor: false)}/{Operand(divisor, isDivisor: true)})", dividend.IsNonNegative && divisor.IsNonNegative, dividend.Symbols.Concat(divisor.Symbols))
{
    public Dim Dividend { get; } = dividend;

    public Dim Divisor { get; } = divisor;

    public override Dim Bind(Func<string, Dim?> sizes) => Dim.FloorDivide(Dividend.Bind(sizes), Divisor.Bind(sizes));

    // Sums in parentheses, and products where they divide.
    private static string Operand(Dim dim, bool isDivisor) => dim.Expression is { IsProduct: var product } && (!product || (isDivisor && !dim.Expression.IsAtom)) ? $"({dim})" : $"{dim}";
}

/// <summary>The smaller or the larger of two.</summary>
internal sealed class ExtremumAtom : DimAtom
{
    private readonly Dim _left;
    private readonly Dim _right;
    private readonly bool _isMin;

    private ExtremumAtom(Dim left, Dim right, bool isMin)
        : base($"{(isMin ? "min" : "max")}({left},{right})", isMin ? left.IsNonNegative && right.IsNonNegative : left.IsNonNegative || right.IsNonNegative, left.Symbols.Concat(right.Symbols)) =>
        (_left, _right, _isMin) = (left, right, isMin);

    public static ExtremumAtom Of(Dim left, Dim right, bool isMin) => string.CompareOrdinal(left.ToString(), right.ToString()) <= 0 ? new(left, right, isMin) : new(right, left, isMin);

    public override Dim Bind(Func<string, Dim?> sizes) => _isMin ? Dim.Min(_left.Bind(sizes), _right.Bind(sizes)) : Dim.Max(_left.Bind(sizes), _right.Bind(sizes));
}

/// <summary>The size of an axis that results from two of different symbolic sizes by broadcasting.</summary>
internal sealed class BroadcastAtom : DimAtom
{
    private readonly Dim _left;
    private readonly Dim _right;

    private BroadcastAtom(Dim left, Dim right)
        : base($"broadcast({left},{right})", left.IsNonNegative && right.IsNonNegative, left.Symbols.Concat(right.Symbols)) => (_left, _right) = (left, right);

    public static BroadcastAtom Of(Dim left, Dim right) => string.CompareOrdinal(left.ToString(), right.ToString()) <= 0 ? new(left, right) : new(right, left);

    public override Dim Bind(Func<string, Dim?> sizes)
    {
        var (left, right) = (_left.Bind(sizes), _right.Bind(sizes));
        return Dim.Broadcast(left, right) ?? throw new PithException($"The sizes {_left} = {left} and {_right} = {right} cannot be broadcast together.");
    }
}
