using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>What each layer of an engine is, which tactic runs it, and what became of the others.</summary>
internal static class LayerInfoText
{
    public static void Draw(IAnsiConsole console, IReadOnlyList<LayerInfo> layers)
    {
        foreach (var layer in layers)
        {
            // As text: only strings are kept from being read as markup, and shapes are in brackets.
            console.MarkupLineInterpolated($"{layer.Name} ({layer.Spec.ToString()}): {layer.Tactic}");
            foreach (var line in VerdictText.Lines(layer)) console.MarkupLineInterpolated($"  {line}");
        }
    }
}
