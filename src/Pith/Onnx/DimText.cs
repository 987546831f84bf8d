using System.Globalization;

namespace Pith.Onnx;

/// <summary>
/// Dimensions as names in a file. A symbol is its own name, whatever it looks like: <c>4*N</c> in a file of others is a name, not a product. Expressions, which ONNX does not know, begin with an equals
/// sign: <c>=4*N+1</c>. A name that does so but is not an expression stays a name.
/// </summary>
internal static class DimText
{
    private const char Mark = '=';

    public static string Write(Dim dim) => dim.Symbol ?? Mark + dim.ToString();

    public static Dim Read(string name)
    {
        if (name[0] != Mark) return Dim.Named(name);
        var parser = new Parser(name[1..]);
        try
        {
            return parser.Whole() is { } dim ? dim : Dim.Named(name);
        }
        catch (PithException)
        {
            // Of numbers that are not sizes.
            return Dim.Named(name);
        }
    }

    // sum = ["-"] product {("+" | "-") product}; product = factor {"*" factor}; factor = number | symbol | "{" name "}" | "?{" origin "}" | "(" sum ")" | function "(" sum ("," | "/") factor or sum ")".
    private sealed class Parser(string text)
    {
        // More than any expression that Pith writes.
        private const int Deepest = 64;

        private int _at;
        private int _depth;

        private char Now => _at < text.Length ? text[_at] : '\0';

        /// <summary>The text as an expression; null when it is none.</summary>
        public Dim? Whole() => Sum() is { } dim && _at == text.Length ? dim : null;

        private Dim? Sum()
        {
            if (++_depth > Deepest) return null;
            var isNegative = Take('-');
            if (Product() is not { } sum) return null;
            if (isNegative) sum = 0 - sum;
            while (Now is '+' or '-')
            {
                var minus = text[_at++] == '-';
                if (Product() is not { } next) return null;
                sum = minus ? sum - next : sum + next;
            }
            _depth--;
            return sum;
        }

        private Dim? Product()
        {
            var product = Factor();
            while (product is { } left && Take('*')) product = Factor() is { } right ? left * right : null;
            return product;
        }

        private Dim? Factor()
        {
            if (char.IsAsciiDigit(Now)) return Number();
            if (Now == '{') return Braced() is { } name ? Dim.Named(name) : null;
            if (Take('?')) return Braced() is { } origin ? Dim.Unknown(origin) : null;
            if (Take('(')) return Sum() is { } inner && Take(')') ? inner : null;
            var start = _at;
            while (_at < text.Length && SymbolAtom.IsPlain($"_{Now}")) _at++;
            var word = text[start.._at];
            if (word.Length == 0) return null;
            return Take('(') ? Function(word) : Dim.Named(word);
        }

        private Dim? Function(string name)
        {
            if (Sum() is not { } left || !Take(name == "floor" ? '/' : ',') || Sum() is not { } right || !Take(')')) return null;
            return name switch
            {
                "floor" => Dim.FloorDivide(left, right),
                "min" => Dim.Min(left, right),
                "max" => Dim.Max(left, right),
                "broadcast" => Dim.Broadcast(left, right),
                _ => null,
            };
        }

        private Dim? Number()
        {
            var start = _at;
            while (char.IsAsciiDigit(Now)) _at++;
            return long.TryParse(text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Dim.Of(number) : null;
        }

        private string? Braced()
        {
            if (!Take('{')) return null;
            var name = new System.Text.StringBuilder();
            while (Now != '}')
            {
                if (Now == '\\') _at++;
                if (_at >= text.Length) return null;
                name.Append(text[_at++]);
            }
            _at++;
            return name.ToString();
        }

        private bool Take(char wanted)
        {
            if (Now != wanted || _at >= text.Length) return false;
            _at++;
            return true;
        }
    }
}
