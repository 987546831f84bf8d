using Pith.Onnx;

namespace Pith.Tests;

/// <summary>The algebra of symbolic sizes: whatever is computed with expressions and then evaluated is what arithmetic on the numbers gives.</summary>
public class DimTests
{
    private static readonly string[] s_names = ["N", "H", "4*N", "unk__12", "N+1", "a}b\\", ""];

    private static readonly Dim s_n = Dim.Named("N");

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Expressions_evaluate_to_what_arithmetic_gives(int seed)
    {
        for (var i = 0; i < 2000; i++)
        {
            var random = new Random(seed * 100_000 + i);
            var numbers = s_names.ToDictionary(name => name, _ => (long)random.Next(1, 9));
            var (dim, want) = Expression(random, numbers, 4);
            Assert.True(dim.Bind(name => Dim.Of(numbers[name])) == Dim.Of(want), $"seed {seed}, case {i}: {dim} at {string.Join(", ", numbers)} should be {want}");
            Assert.True(!dim.IsNonNegative || want >= 0, $"seed {seed}, case {i}: {dim} is {want}, and not known to be negative");
            // Also symbol by symbol, and after a round trip through a file.
            var stepwise = s_names.Aggregate(dim, (partial, name) => partial.Bind(other => other == name ? Dim.Of(numbers[name]) : null));
            Assert.True(stepwise == Dim.Of(want), $"seed {seed}, case {i}: {dim}, bound name by name");
            if (!dim.IsFixed && dim.Symbol != "") Assert.True(DimText.Read(DimText.Write(dim)) == dim, $"seed {seed}, case {i}: {dim} is read from a file as {DimText.Read(DimText.Write(dim))}");
        }
    }

    [Theory]
    [InlineData(1)]
    public void Equal_texts_are_equal_sizes_and_rings_have_one_normal_form(int seed)
    {
        for (var i = 0; i < 1000; i++)
        {
            var random = new Random(seed * 100_000 + i);
            Dim Any() => Expression(random, s_names.ToDictionary(name => name, _ => 2L), 2).Dim;
            var (a, b, c) = (Any(), Any(), Any());
            var what = $"seed {seed}, case {i}: {a}; {b}; {c}";
            Assert.True(a + b == b + a && a * b == b * a && (a + b) + c == a + (b + c) && (a * b) * c == a * (b * c) && a * (b + c) == a * b + a * c && a - a == 0 && a + 0 == a && a * 1 == a && a * 0 == 0, what);
            Assert.True(b == 0 || Dim.DivideExactly(a * 6, 3) == a * 2 && (b.IsFixed || Dim.DivideExactly(b * s_n, s_n) == b), what);
            Assert.True((a.ToString() == b.ToString()) == (a == b), what);
        }
    }

    [Fact]
    public void Names_are_not_expressions()
    {
        Assert.NotEqual(4 * s_n, Dim.Named("4*N"));
        Assert.NotEqual(s_n + 1, Dim.Named("N+1"));
        Assert.NotEqual((s_n + 1).ToString(), Dim.Named("N+1").ToString());
        Assert.NotEqual(Dim.Named("{N}").ToString(), Dim.Named("N").ToString());
        Assert.NotEqual(Dim.Of(7), Dim.Named("7"));
        Assert.NotEqual(Dim.FloorDivide(s_n, 2), Dim.FloorDivide(s_n + 1, 2));
        Assert.Equal(s_n * Dim.Named("M"), Dim.Named("M") * s_n);
        Assert.Null((4 * s_n).Symbol);
        Assert.Equal("4*N", Dim.Named("4*N").Symbol);
        Assert.Equal(["N"], (s_n * s_n + s_n).Symbols);
    }

    [Theory]
    [InlineData("4*N", "4*N")]
    [InlineData("N+1", "N+1")]
    [InlineData("=4*N", "4*N")]
    [InlineData("=H*2+N*H-3-1", "2*H+H*N-4")]
    [InlineData("=floor((H-1)/2)+1", "floor((H+1)/2)")]
    [InlineData("=", "=")]
    [InlineData("=4*", "=4*")]
    [InlineData("=min(N)", "=min(N)")]
    [InlineData("=99999999999999999999*N", "=99999999999999999999*N")]
    [InlineData("=((((", "=((((")]
    public void A_name_in_a_file_is_an_expression_only_after_an_equals_sign(string name, string expected)
    {
        var dim = DimText.Read(name);
        Assert.Equal(expected, dim.Symbol ?? dim.ToString());
    }

    [Fact]
    public void Quotients_have_one_form()
    {
        Assert.Equal("floor((N+1)/2)+3", Dim.FloorDivide(s_n + 7, 2).ToString());
        Assert.Equal("2*N+floor((N+1)/2)+3", Dim.FloorDivide(5 * s_n + 7, 2).ToString());
        Assert.Equal(Dim.FloorDivide(s_n, 8), Dim.FloorDivide(Dim.FloorDivide(Dim.FloorDivide(s_n, 2), 2), 2));
        Assert.Equal(Dim.FloorDivide(s_n, 2), Dim.FloorDivide(6 * s_n, 12));
        Assert.Equal(s_n, Dim.CeilDivide(4 * s_n - 3, 4));
        Assert.Equal(8, Dim.DivideExactly(8 * s_n, s_n));
        Assert.Equal(2 * s_n, Dim.DivideExactly(8 * s_n, 4));
        Assert.Equal(s_n + 1, Dim.DivideExactly(s_n * s_n - 1, s_n - 1));
        Assert.Null(Dim.DivideExactly(7, 2));
        Assert.Null(Dim.DivideExactly(s_n, 0));
        Assert.Null(Dim.DivideExactly(8 * s_n, 3));
    }

    [Fact]
    public void Overflow_is_an_error_that_names_the_size()
    {
        var huge = Dim.Of(long.MaxValue);
        foreach (var (overflows, name) in new (Func<Dim>, string)[]
        {
            (() => huge + 1, "+"), (() => 0 - huge - 2, "-"), (() => huge * 2, "*"), (() => huge * s_n + s_n, "+"), (() => (huge * s_n) * 3, "*"), (() => Dim.FloorDivide(Dim.Of(long.MinValue), -1), "/"),
            (() => (huge * s_n).Bind(_ => 2), "*"), (() => Dim.FloorDivide(s_n, 0), "0"),
        })
            Assert.Contains(name, Assert.Throws<PithException>(() => overflows()).Message);
        Assert.Throws<PithException>(() => huge.Size);
        Assert.Equal(long.MaxValue, huge.Value);
    }

    [Fact]
    public void Expressions_do_not_grow_without_end()
    {
        var sum = Enumerable.Range(0, 8).Aggregate(Dim.Of(1), (dim, i) => dim + Dim.Named($"s{i}"));
        Assert.Throws<PithException>(() => Enumerable.Repeat(sum, 40).Aggregate((left, right) => left * right));
        Assert.Throws<PithException>(() => Enumerable.Range(0, 40).Aggregate(s_n, (dim, i) => Dim.Min(Dim.FloorDivide(dim + i, 3), Dim.FloorDivide(dim * dim, 5))));
    }

    [Fact]
    public void Broadcasting_prefers_neither_of_two_symbols()
    {
        var (h, b) = (Dim.Named("H"), Dim.Broadcast(s_n, Dim.Named("H"))!.Value);
        Assert.Equal(b, Dim.Broadcast(h, s_n));
        Assert.NotEqual(b, s_n);
        Assert.NotEqual(b, h);
        Assert.Equal(5, b.Bind(name => name == "N" ? 1 : 5));
        Assert.Equal(5, b.Bind(name => name == "H" ? 1 : 5));
        Assert.Contains("broadcast", Assert.Throws<PithException>(() => b.Bind(name => name == "N" ? 2 : 3)).Message);
        Assert.Equal(7, Dim.Broadcast(s_n, 7));
        Assert.Equal(s_n, Dim.Broadcast(1, s_n));
        Assert.Null(Dim.Broadcast(2, 3));
    }

    // An expression and its value at the given numbers.
    private static (Dim Dim, long Value) Expression(Random random, Dictionary<string, long> numbers, int depth)
    {
        if (depth == 0 || random.Next(5) == 0)
        {
            if (random.Next(3) == 0) return random.Next(-6, 7) is var number ? (Dim.Of(number), number) : default;
            var name = s_names[random.Next(s_names.Length)];
            return (Dim.Named(name), numbers[name]);
        }
        var (a, b) = (Expression(random, numbers, depth - 1), Expression(random, numbers, depth - 1));
        var by = random.Next(1, 7);
        switch (random.Next(8))
        {
            case 0 or 1: return (a.Dim + b.Dim, a.Value + b.Value);
            case 2: return (a.Dim - b.Dim, a.Value - b.Value);
            case 3: return (a.Dim * (b.Dim.IsFixed || depth < 3 ? b.Dim : by), a.Value * (b.Dim.IsFixed || depth < 3 ? b.Value : by));
            case 4: return (Dim.FloorDivide(a.Dim, by), (long)Math.Floor((double)a.Value / by));
            case 5: return (Dim.CeilDivide(a.Dim, by), (long)Math.Ceiling((double)a.Value / by));
            case 6: return (Dim.Min(a.Dim, b.Dim), Math.Min(a.Value, b.Value));
            default: return (Dim.Max(a.Dim, b.Dim), Math.Max(a.Value, b.Value));
        }
    }
}
