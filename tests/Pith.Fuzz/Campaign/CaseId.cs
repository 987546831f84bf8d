using System.Globalization;

namespace Pith.Fuzz.Campaign;

/// <summary>
/// Names one case for ever: <c>differential:0N0XIzNsQ0O2</c>, or <c>differential:0N0XIzNsQ0O2:0.3.7</c> for what is left of it after shrinking.
/// </summary>
/// <param name="Family">The family's name.</param>
/// <param name="Seed">The state of CsCheck's generator from which the case is made.</param>
/// <param name="Kept">The parts that stay; null for all.</param>
internal sealed record CaseId(string Family, string Seed, ValueList<int>? Kept = null)
{
    public static CaseId Parse(string text)
    {
        var parts = text.Split(':');
        if (parts.Length is < 2 or > 3) throw new PithException($"'{text}' does not name a case; expected FAMILY:SEED or FAMILY:SEED:PARTS, e.g. differential:0N0XIzNsQ0O2:0.3.7.");
        return new CaseId(parts[0], parts[1], parts.Length == 2 ? null : Numbers(parts[2]));
    }

    public override string ToString() => Kept is { } kept ? $"{Family}:{Seed}:{string.Join('.', kept)}" : $"{Family}:{Seed}";

    private static ValueList<int> Numbers(string text) =>
        text.Split('.', StringSplitOptions.RemoveEmptyEntries).Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToValueList();
}
