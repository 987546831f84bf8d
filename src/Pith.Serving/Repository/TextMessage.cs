using System.Globalization;
using System.Text;

namespace Pith.Serving;

/// <summary>
/// A message in protobuf's text format, without its schema: fields by name, in order, each with its values. Numbers, words and strings are kept as text. Strings may be written in parts, lists in brackets.
/// </summary>
internal sealed class TextMessage
{
    private const int MostDepth = 32;

    private readonly Dictionary<string, List<Field>> _fields = new(StringComparer.Ordinal);

    /// <summary>A value: text, or a message.</summary>
    internal sealed record Field(string? Text, TextMessage? Message, int Line);

    /// <summary>The names of the fields, in the order of their first appearance.</summary>
    public IEnumerable<string> Names => _fields.Keys;

    /// <summary>All values of a field.</summary>
    public IReadOnlyList<Field> this[string name] => _fields.TryGetValue(name, out var values) ? values : [];

    /// <summary>Reads a whole file.</summary>
    /// <param name="text">Its content.</param>
    /// <param name="source">What messages call it.</param>
    /// <exception cref="PithException">It is not in the text format.</exception>
    public static TextMessage Parse(string text, string source)
    {
        var reader = new Reader(text, source);
        return reader.Message('\0', 0);
    }

    private void Add(string name, Field value)
    {
        if (!_fields.TryGetValue(name, out var values)) _fields.Add(name, values = []);
        values.Add(value);
    }

    private sealed class Reader(string text, string source)
    {
        private int _at;
        private int _line = 1;

        public TextMessage Message(char end, int depth)
        {
            if (depth > MostDepth) throw Wrong($"messages lie more than {MostDepth} deep in each other");
            var message = new TextMessage();
            while (true)
            {
                var next = Peek();
                if (next == end)
                {
                    if (end != '\0') _at++;
                    return message;
                }
                if (next == '\0') throw Wrong($"expected '{end}', got the end of the file");
                var name = Word();
                var hasColon = Peek() == ':';
                if (hasColon) _at++;
                Values(message, name, hasColon, depth);
                if (Peek() is ',' or ';') _at++;
            }
        }

        private void Values(TextMessage message, string name, bool hasColon, int depth)
        {
            if (Peek() != '[')
            {
                message.Add(name, Value(hasColon, depth));
                return;
            }
            _at++;
            while (Peek() != ']')
            {
                message.Add(name, Value(hasColon: true, depth));
                if (Peek() == ',') _at++;
                else if (Peek() != ']') throw Wrong("expected ',' or ']' in a list");
            }
            _at++;
        }

        private Field Value(bool hasColon, int depth)
        {
            var line = _line;
            switch (Peek())
            {
                case '{': _at++; return new Field(null, Message('}', depth + 1), line);
                case '<': _at++; return new Field(null, Message('>', depth + 1), line);
            }
            if (!hasColon) throw Wrong("expected ':' or '{' after the name of a field");
            return new Field(Peek() is '"' or '\'' ? Strings() : Scalar(), null, line);
        }

        private string Word()
        {
            var begin = _at;
            while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] == '_')) _at++;
            return _at > begin ? text[begin.._at] : throw Wrong($"expected the name of a field, got '{text[_at]}'");
        }

        private string Scalar()
        {
            var begin = _at;
            while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '_' or '-' or '+' or '.')) _at++;
            return _at > begin ? text[begin.._at] : throw Wrong(_at < text.Length ? $"expected a value, got '{text[_at]}'" : "expected a value, got the end of the file");
        }

        // Strings that follow each other are one.
        private string Strings()
        {
            var bytes = new List<byte>();
            while (Peek() is '"' or '\'' && text[_at] is var quote)
            {
                for (_at++; ; _at++)
                {
                    if (_at >= text.Length || text[_at] == '\n') throw Wrong("a string does not end on its line");
                    if (text[_at] == quote) break;
                    if (text[_at] == '\\') Escape(bytes);
                    else if (Rune.TryGetRuneAt(text, _at, out var rune))
                    {
                        bytes.AddRange(Encoding.UTF8.GetBytes(rune.ToString()));
                        _at += rune.Utf16SequenceLength - 1;
                    }
                    else throw Wrong("a string has half of a character");
                }
                _at++;
            }
            return Encoding.UTF8.GetString([.. bytes]);
        }

        private void Escape(List<byte> bytes)
        {
            if (++_at >= text.Length) throw Wrong("a string does not end on its line");
            const string Letters = "abfnrtv\\'\"?", Meant = "\a\b\f\n\r\t\v\\'\"?";
            if (Letters.IndexOf(text[_at], StringComparison.Ordinal) is var letter and >= 0) bytes.Add((byte)Meant[letter]);
            else if (text[_at] is >= '0' and <= '7') bytes.Add(Digits(3, 8, 0));
            else if (text[_at] is 'x' or 'X') bytes.Add(Digits(2, 16, 1));
            else throw Wrong($"'\\{text[_at]}' is not an escape");
        }

        private byte Digits(int most, int radix, int skipped)
        {
            var begin = _at + skipped;
            var end = begin;
            while (end < text.Length && end - begin < most && (radix == 8 ? text[end] is >= '0' and <= '7' : char.IsAsciiHexDigit(text[end]))) end++;
            if (end == begin) throw Wrong("an escape has no digits");
            _at = end - 1;
            var value = Convert.ToInt32(text[begin..end], radix);
            return value <= byte.MaxValue ? (byte)value : throw Wrong("an escape is larger than a byte");
        }

        // The next character after spaces and comments; \0 at the end.
        private char Peek()
        {
            for (; _at < text.Length; _at++)
            {
                if (text[_at] == '#') while (_at + 1 < text.Length && text[_at + 1] != '\n') _at++;
                else if (text[_at] == '\n') _line++;
                else if (!char.IsWhiteSpace(text[_at])) return text[_at];
            }
            return '\0';
        }

        private PithException Wrong(string what) => new($"'{source}', line {_line.ToString(CultureInfo.InvariantCulture)}: {what}. Expected protobuf's text format, e.g. max_batch_size: 8");
    }
}
