using System.Text.RegularExpressions;

namespace Pith.Compression.Configuration;

/// <summary>
/// A pattern for node names: a glob, in which <c>*</c> stands for any run of characters (slashes and dots too) and <c>?</c> for one, or a regular expression between
/// slashes, <c>/layer[12]\..*conv/</c>, which may match anywhere in the name. A glob matches the whole name and is case-sensitive; without wildcards it is an exact name.
/// Value-equal by its text.
/// </summary>
public sealed record NamePattern
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromMilliseconds(250);
    private readonly Regex? _regex;

    /// <summary>Parses a pattern.</summary>
    /// <exception cref="PithException">The pattern is empty or not a valid regular expression.</exception>
    public NamePattern(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0) throw new PithException("A name pattern is empty. Write a name, a glob such as 'layer1.*', or a regular expression between slashes.");
        Text = text;
        if (IsExpression(text)) _regex = Compile(text, text[1..^1]);
        else if (IsGlob(text))
            _regex = Compile(text, $"\\A{Regex.Escape(text).Replace("\\*", ".*", StringComparison.Ordinal).Replace("\\?", ".", StringComparison.Ordinal)}\\z");
    }

    /// <summary>The pattern as written.</summary>
    public string Text { get; }

    /// <summary>A pattern from its text, so that lists of patterns can be written as lists of strings.</summary>
    public static implicit operator NamePattern(string text) => new(text);

    /// <summary>Alias of the conversion for languages without operators.</summary>
    public static NamePattern FromString(string text) => new(text);

    /// <summary>The pattern that fits this name only: the name itself, or a regular expression where the name would be read as a pattern.</summary>
    public static NamePattern Exactly(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new NamePattern(IsExpression(name) || IsGlob(name) ? $@"/\A{Regex.Escape(name)}\z/" : name);
    }

    /// <summary>True when <paramref name="name"/> fits.</summary>
    /// <exception cref="PithException">The regular expression takes too long on this name.</exception>
    public bool Matches(string name)
    {
        if (_regex is null) return name == Text;
        try
        {
            return _regex.IsMatch(name);
        }
        catch (RegexMatchTimeoutException timeout)
        {
            throw new PithException($"The pattern '{Text}' takes longer than {s_timeout.TotalMilliseconds} ms on the name '{name}'. Write it without nested repetition.", timeout);
        }
    }

    /// <inheritdoc/>
    public bool Equals(NamePattern? other) => other is not null && Text == other.Text;

    /// <inheritdoc/>
    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    /// <summary>The pattern as written.</summary>
    public override string ToString() => Text;

    private static bool IsExpression(string text) => text.Length > 2 && text[0] == '/' && text[^1] == '/';

    private static bool IsGlob(string text) => text.AsSpan().ContainsAny('*', '?');

    private static Regex Compile(string text, string expression)
    {
        try
        {
            return new Regex(expression, RegexOptions.CultureInvariant | RegexOptions.Singleline, s_timeout);
        }
        catch (ArgumentException invalid)
        {
            throw new PithException($"The pattern '{text}' is not a valid regular expression: {invalid.Message}", invalid);
        }
    }
}
