using System.Globalization;

namespace Pith;

/// <summary>Range checks of settings; the messages name the field as it is written in JSON.</summary>
public static class FieldRange
{
    /// <exception cref="PithException">The value is not a number from <paramref name="low"/> to <paramref name="high"/>.</exception>
    public static void Require(string field, double value, double low, double high)
    {
        // NaN fails both comparisons.
        if (value >= low && value <= high) return;
        throw new PithException(low == double.Epsilon
            ? string.Create(CultureInfo.InvariantCulture, $"'{field}': expected a number above 0 and at most {high}, got {value}.")
            : string.Create(CultureInfo.InvariantCulture, $"'{field}': expected a number from {low} to {high}, got {value}."));
    }
}
