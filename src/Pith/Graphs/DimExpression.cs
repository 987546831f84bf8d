using System.Globalization;

namespace Pith;

/// <summary>
/// A sum of products with at least one factor that is not a number. Normal form: like products are one term, none is 0, factors and terms are in the order of their texts with the number last. Equal texts
/// mean equal expressions, so the text is what is compared.
/// </summary>
internal sealed class DimExpression : IEquatable<DimExpression>
{
    // Files decide what is computed here: their expressions must not grow without end.
    private const int MostTerms = 64, LongestText = 4096, MostDivisionSteps = 64;

    private readonly Term[] _terms;

    private DimExpression(Term[] terms)
    {
        _terms = terms;
        Text = Print(terms);
        if (terms.Length > MostTerms || Text.Length > LongestText) throw new PithException($"A symbolic size is too long an expression ({terms.Length} terms: {Text[..60]}...). Give the symbols sizes first.");
    }

    public string Text { get; }

    /// <summary>The name when the expression is one symbol, else null.</summary>
    public string? Symbol => IsAtom && _terms[0].Factors[0] is SymbolAtom symbol ? symbol.Name : null;

    public IEnumerable<string> Symbols => _terms.SelectMany(term => term.Factors).SelectMany(factor => factor.Symbols);

    public bool IsNonNegative => Array.TrueForAll(_terms, term => term.Coefficient > 0 && Array.TrueForAll(term.Factors, factor => factor.IsNonNegative));

    /// <summary>True for one term.</summary>
    public bool IsProduct => _terms.Length == 1;

    /// <summary>True for one factor alone.</summary>
    public bool IsAtom => IsProduct && _terms[0] is { Coefficient: 1, Factors.Length: 1 };

    public static DimExpression Of(DimAtom atom) => new([new Term(1, [atom])]);

    public bool Equals(DimExpression? other) => other is not null && Text == other.Text;

    public override bool Equals(object? obj) => Equals(obj as DimExpression);

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    public static Dim Add(Dim left, Dim right) => Sum([.. TermsOf(left), .. TermsOf(right)]);

    public static Dim Multiply(Dim left, Dim right)
    {
        var (a, b) = (TermsOf(left), TermsOf(right));
        if ((long)a.Length * b.Length > MostTerms * MostTerms) throw new PithException($"The product of {left} and {right} is too long an expression. Give the symbols sizes first.");
        return Sum([.. a.SelectMany(_ => b, (x, y) => x * y)]);
    }

    /// <summary>See <see cref="Dim.DivideExactly"/>; not for two numbers.</summary>
    public static Dim? DivideExactly(Dim dividend, Dim divisor)
    {
        // Long division by the leading terms.
        var (rest, quotient, by) = (dividend, Dim.Of(0), TermsOf(divisor)[0]);
        for (var step = 0; rest != 0; step++)
        {
            if (step == MostDivisionSteps || TermsOf(rest)[0].DivideExactly(by) is not { } term) return null;
            var part = Sum([term]);
            (quotient, rest) = (quotient + part, rest - part * divisor);
        }
        return quotient;
    }

    /// <summary>See <see cref="Dim.FloorDivide"/>; not for two numbers.</summary>
    public static Dim FloorDivide(Dim dividend, Dim divisor)
    {
        if (!divisor.IsFixed) return Dim.DivideExactly(dividend, divisor) ?? new Dim(Of(new QuotientAtom(dividend, divisor)));
        if (divisor.Value < 0) return Dim.FloorDivide(0 - dividend, 0 - divisor);
        var by = divisor.Value;
        // Multiples of the divisor leave the quotient: floor((5*N+7)/2) = 2*N+3 + floor((N+1)/2).
        var whole = Sum([.. TermsOf(dividend).Select(term => term with { Coefficient = Division.Floor(term.Coefficient, by) })]);
        var rest = Sum([.. TermsOf(dividend).Select(term => term with { Coefficient = Division.Remainder(term.Coefficient, by) })]);
        return rest.IsFixed ? whole : whole + Fraction(rest, by);
    }

    /// <summary>See <see cref="Dim.Bind"/>.</summary>
    public Dim Bind(Func<string, Dim?> sizes) =>
        _terms.Aggregate(Dim.Of(0), (sum, term) => sum + term.Factors.Aggregate(Dim.Of(term.Coefficient), (product, factor) => product * factor.Bind(sizes)));

    // floor(rest / by), all coefficients of rest in 0 ... by - 1.
    private static Dim Fraction(Dim rest, long by)
    {
        var terms = TermsOf(rest);
        var constant = terms[^1].Factors.Length == 0 ? terms[^1].Coefficient : 0;
        var common = terms.Where(term => term.Factors.Length > 0).Aggregate(by, (gcd, term) => (long)System.Numerics.BigInteger.GreatestCommonDivisor(gcd, term.Coefficient));
        // floor((g*x + k) / (g*b)) = floor((x + floor(k/g)) / b).
        if (common > 1) return Dim.FloorDivide(Sum([.. terms.Select(term => term with { Coefficient = term.Coefficient / common })]), Dim.Of(by / common));
        // floor((floor(x/d) + k) / b) = floor((x + k*d) / (b*d)).
        if ((rest - Dim.Of(constant)).Expression is { IsAtom: true } single && single._terms[0].Factors[0] is QuotientAtom { Divisor: { IsFixed: true, Value: > 0 } inner } quotient)
            return Dim.FloorDivide(quotient.Dividend + Dim.Of(constant) * inner, Dim.Of(by) * inner);
        return new Dim(Of(new QuotientAtom(rest, Dim.Of(by))));
    }

    private static Term[] TermsOf(Dim dim) => dim.Expression?._terms ?? [new Term(dim.Value, [])];

    private static Dim Sum(Term[] terms)
    {
        var sums = new SortedDictionary<string, Term>(s_numberLast);
        foreach (var term in terms)
            sums[term.Key] = sums.TryGetValue(term.Key, out var other) ? term with { Coefficient = checked(term.Coefficient + other.Coefficient) } : term;
        var kept = sums.Values.Where(term => term.Coefficient != 0).ToArray();
        if (kept.Length == 0) return 0;
        return kept is [{ Factors.Length: 0 } number] ? Dim.Of(number.Coefficient) : new Dim(new DimExpression(kept));
    }

    private static readonly Comparer<string> s_numberLast = Comparer<string>.Create((left, right) => left.Length == 0 || right.Length == 0 ? right.Length.CompareTo(left.Length) : string.CompareOrdinal(left, right));

    private static string Print(Term[] terms) => string.Concat(terms.Select((term, i) => i == 0 || term.Coefficient < 0 ? term.ToString() : "+" + term));

    // Factors in the order of their texts; none for the number.
    private readonly record struct Term(long Coefficient, DimAtom[] Factors)
    {
        public string Key { get; } = string.Join('*', Factors.Select(factor => factor.Text));

        public static Term operator *(Term left, Term right) => new(checked(left.Coefficient * right.Coefficient), [.. left.Factors.Concat(right.Factors).OrderBy(factor => factor.Text, StringComparer.Ordinal)]);

        public Term? DivideExactly(Term divisor)
        {
            if (Division.Remainder(Coefficient, divisor.Coefficient) != 0) return null;
            var factors = Factors.ToList();
            foreach (var factor in divisor.Factors)
                if (factors.FindIndex(other => other.Text == factor.Text) is var index && index >= 0) factors.RemoveAt(index);
                else return null;
            return new Term(Division.Floor(Coefficient, divisor.Coefficient), [.. factors]);
        }

        public override string ToString() => Factors.Length == 0 ? Coefficient.ToString(CultureInfo.InvariantCulture)
            : Coefficient switch { 1 => Key, -1 => "-" + Key, _ => $"{Coefficient.ToString(CultureInfo.InvariantCulture)}*{Key}" };
    }
}
