using System.Globalization;
using Pith.Kernels;

namespace Pith.Building;

/// <summary>Activations as text in layer specifications: <c>clip(0,6)</c>, <c>silu</c>; empty for none.</summary>
internal static class ActivationText
{
    public static string Of(Activation activation) => activation.Kind switch
    {
        ActivationKind.None => "",
        ActivationKind.Clip or ActivationKind.HardSigmoid => string.Create(CultureInfo.InvariantCulture, $"{Name(activation.Kind)}({activation.A:R},{activation.B:R})"),
        ActivationKind.LeakyRelu or ActivationKind.Elu => string.Create(CultureInfo.InvariantCulture, $"{Name(activation.Kind)}({activation.A:R})"),
        var kind => Name(kind),
    };

    /// <summary>Reads what <see cref="Of"/> wrote.</summary>
    /// <exception cref="PithException">The text names no activation.</exception>
    public static Activation Parse(string text)
    {
        if (text.Length == 0) return default;
        var parts = text.TrimEnd(')').Split('(', ',');
        if (!Enum.TryParse<ActivationKind>(parts[0], ignoreCase: true, out var kind)) throw new PithException($"'{text}' is not an activation; expected e.g. clip(0,6) or silu.");
        return new Activation { Kind = kind, A = Number(parts, 1), B = Number(parts, 2) };
    }

    private static float Number(string[] parts, int index) =>
        index >= parts.Length ? 0 : float.TryParse(parts[index], NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : throw new PithException($"'{parts[index]}' is not a number, in activation '{string.Join(',', parts)}'.");

    private static string Name(ActivationKind kind) => kind.ToString().ToLowerInvariant();
}
