namespace Pith;

/// <summary>
/// One dimension of a <see cref="TensorType"/>: a fixed size, or a symbol such as <c>N</c> that stands for a size known only at run time.
/// Two symbols are equal when their names are. Products of a symbol and a number are symbols too, in the form <c>4*N</c>.
/// </summary>
public readonly record struct Dim
{
    private Dim(int size, string? symbol)
    {
        Size = size;
        Symbol = symbol;
    }

    /// <summary>The fixed size; meaningless (0) when <see cref="IsFixed"/> is false.</summary>
    public int Size { get; }

    /// <summary>The symbol's name, or null for a fixed size.</summary>
    public string? Symbol { get; }

    /// <summary>True when the size is known.</summary>
    public bool IsFixed => Symbol is null;

    /// <summary>A dimension of a known size.</summary>
    public static Dim Of(int size) => new(size, null);

    /// <summary>A dimension that is known by name only.</summary>
    public static Dim Named(string symbol) => new(0, symbol);

    /// <summary>A fixed dimension from a number, so that shapes can be written as <c>[Dim.Named("N"), 3, 224, 224]</c>.</summary>
    public static implicit operator Dim(int size) => Of(size);

    /// <summary>The product of two dimensions; a fixed factor of a symbol is kept in front of it.</summary>
    public static Dim operator *(Dim left, Dim right)
    {
        if (left.IsFixed && right.IsFixed) return checked(left.Size * right.Size);
        if (left.IsFixed) return right * left;
        if (!right.IsFixed) return Named($"{left.Symbol}*{right.Symbol}");
        if (right.Size == 1) return left;
        if (right.Size == 0) return 0;
        var (factor, symbol) = Factored(left.Symbol!);
        return Named($"{factor * right.Size}*{symbol}");
    }

    /// <summary>
    /// The quotient when it is exact, else null: 12 / 4, <c>8*N</c> / 4 = <c>2*N</c>, <c>8*N</c> / <c>N</c> = 8.
    /// </summary>
    public static Dim? DivideExactly(Dim dividend, Dim divisor)
    {
        if (divisor.IsFixed && divisor.Size == 0) return null;
        if (dividend == divisor) return 1;
        if (dividend.IsFixed) return divisor.IsFixed && dividend.Size % divisor.Size == 0 ? dividend.Size / divisor.Size : null;
        var (factor, symbol) = Factored(dividend.Symbol!);
        var (byFactor, bySymbol) = divisor.IsFixed ? (divisor.Size, null) : Factored(divisor.Symbol!);
        if (factor % byFactor != 0) return null;
        if (bySymbol is null) return Named(symbol) * (factor / byFactor);
        return bySymbol == symbol ? factor / byFactor : null;
    }

    /// <summary>Alias of the multiplication operator for languages without operators.</summary>
    public static Dim Multiply(Dim left, Dim right) => left * right;

    private static (int Factor, string Symbol) Factored(string symbol)
    {
        var star = symbol.IndexOf('*', StringComparison.Ordinal);
        return star > 0 && int.TryParse(symbol.AsSpan(0, star), out var factor) ? (factor, symbol[(star + 1)..]) : (1, symbol);
    }

    /// <summary>The size or the symbol.</summary>
    public override string ToString() => Symbol ?? Size.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
