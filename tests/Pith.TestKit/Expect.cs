using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Pith.TestKit;

/// <summary>Assertions for every element of large tensors: the message is made only when one fails. <c>Assert.True</c> formats it each time, which takes longer than the kernels that are tested.</summary>
internal static class Expect
{
    /// <summary>Fails with <paramref name="message"/> unless <paramref name="condition"/> holds.</summary>
    public static void That([DoesNotReturnIf(false)] bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] ref MessageOfFailure message)
    {
        if (!condition) throw new ExpectationFailedException(message.ToString());
    }
}

/// <summary>What <see cref="Expect.That"/> expected and found.</summary>
public sealed class ExpectationFailedException(string message) : Exception(message);

/// <summary>An interpolated string that is formatted only when the condition before it is false.</summary>
[InterpolatedStringHandler]
internal readonly ref struct MessageOfFailure
{
    private readonly StringBuilder? _text;

    public MessageOfFailure(int literalLength, int formattedCount, bool condition, out bool isWanted)
    {
        isWanted = !condition;
        _text = condition ? null : new StringBuilder(literalLength + 16 * formattedCount);
    }

    public void AppendLiteral(string text) => _text!.Append(text);

    public void AppendFormatted<T>(T value, string? format = null) => _text!.Append(value is IFormattable number ? number.ToString(format, CultureInfo.InvariantCulture) : value?.ToString());

    public override string ToString() => _text?.ToString() ?? "";
}
