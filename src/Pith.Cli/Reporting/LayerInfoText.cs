using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>What each layer of an engine is, which tactic runs it, and what became of the others.</summary>
internal static class LayerInfoText
{
    public static void Draw(IAnsiConsole console, IReadOnlyList<LayerInfo> layers)
    {
        foreach (var layer in layers)
        {
            console.MarkupLineInterpolated($"{layer.Name} ({layer.Spec}): {layer.Tactic}");
            foreach (var verdict in layer.Verdicts)
                console.MarkupLineInterpolated($"  {(verdict.Accepted ? "+" : "-")} {verdict.Tactic}: {verdict.Reason}{(verdict.Seconds is { } seconds ? string.Create(CultureInfo.InvariantCulture, $" ({1e6 * seconds:0.0} µs)") : "")}");
        }
    }
}
