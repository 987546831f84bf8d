using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>The layers that no kernel runs: plain loops that are far slower, each with the reason.</summary>
internal static class ReferenceLoops
{
    public static void Draw(IAnsiConsole console, IReadOnlyList<LayerInfo> layers) => Draw(console, [.. layers.Select(layer => (layer.Name, layer.ReferenceReason))]);

    public static void Draw(IAnsiConsole console, IReadOnlyList<(string Name, string? Reason)> layers)
    {
        var slow = layers.Where(layer => layer.Reason is not null).ToArray();
        if (slow.Length == 0) console.Line($"every one of {layers.Count} layers has a kernel");
        else console.Line($"{slow.Length} of {layers.Count} layers run as plain reference loops, which are far slower than a kernel:");
        foreach (var (name, reason) in slow) console.Line($"  {name}: {reason}");
    }
}
