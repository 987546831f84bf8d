using System.Globalization;

namespace Pith.Compression.Compatibility;

/// <summary>A release of another runtime, e.g. 8.6. <see cref="Newest"/> as the minor number stands for the last release of a major version, whichever that is.</summary>
/// <param name="Major">The major version.</param>
/// <param name="Minor">The minor version.</param>
internal readonly record struct RuntimeVersion(int Major, int Minor) : IComparable<RuntimeVersion>
{
    /// <summary>The minor number of the last release of a major version.</summary>
    public const int Newest = int.MaxValue;

    public static bool operator <=(RuntimeVersion left, RuntimeVersion right) => left.CompareTo(right) <= 0;

    public static bool operator >=(RuntimeVersion left, RuntimeVersion right) => left.CompareTo(right) >= 0;

    public int CompareTo(RuntimeVersion other) => (Major, Minor).CompareTo((other.Major, other.Minor));

    /// <summary>8.6, or 11 for the last release of 11.</summary>
    public override string ToString() => Minor == Newest ? Major.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}");
}

/// <summary>Releases of another runtime, both ends included.</summary>
/// <param name="First">The oldest.</param>
/// <param name="Last">The newest.</param>
internal readonly record struct RuntimeVersions(RuntimeVersion First, RuntimeVersion Last)
{
    /// <summary>Reads <c>10</c> (every release of 10), <c>8.6</c> (that one) or <c>8.6-11</c>.</summary>
    public static bool TryParse(string text, out RuntimeVersions versions)
    {
        versions = default;
        var ends = text.Split('-');
        if (ends.Length > 2 || !TryVersion(ends[0], 0, out var first) || !TryVersion(ends[^1], RuntimeVersion.Newest, out var last) || !(first <= last)) return false;
        versions = new RuntimeVersions(first, last);
        return true;
    }

    /// <summary>The releases that are in both; null when there are none.</summary>
    public RuntimeVersions? And(RuntimeVersions other)
    {
        var (first, last) = (First >= other.First ? First : other.First, Last <= other.Last ? Last : other.Last);
        return first <= last ? new RuntimeVersions(first, last) : null;
    }

    /// <summary>8.6 to 11, or one release.</summary>
    public override string ToString() => First == Last || First.Minor == 0 && First.Major == Last.Major && Last.Minor == RuntimeVersion.Newest ? Last.ToString() : $"{First} to {Last}";

    private static bool TryVersion(string text, int otherwise, out RuntimeVersion version)
    {
        version = default;
        var parts = text.Split('.');
        if (parts.Length > 2 || !TryNumber(parts[0], out var major)) return false;
        var minor = otherwise;
        if (parts.Length == 2 && !TryNumber(parts[1], out minor)) return false;
        version = new RuntimeVersion(major, minor);
        return true;

        static bool TryNumber(string digits, out int number) => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < 1000;
    }
}
