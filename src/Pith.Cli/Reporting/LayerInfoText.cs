using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>What each layer of an engine is, which tactic runs it, and what became of the others.</summary>
internal static class LayerInfoText
{
    public static void Draw(IAnsiConsole console, IReadOnlyList<LayerInfo> layers)
    {
        ReferenceLoops.Draw(console, layers);
        foreach (var layer in layers)
        {
            console.Line($"{layer.Name} ({layer.Spec}): {layer.Tactic}{(layer.Kernels.Count > 0 ? $", kernels {string.Join(", ", layer.Kernels)}" : "")}");
            foreach (var line in VerdictText.Lines(layer)) console.Line($"  {line}");
        }
    }
}
