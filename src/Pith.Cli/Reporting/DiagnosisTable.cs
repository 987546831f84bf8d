using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>Shows a <see cref="Diagnosis"/> in the terminal: the costliest layers, and what was found.</summary>
internal static class DiagnosisTable
{
    private const int Shown = 10;

    public static void Draw(IAnsiConsole console, Diagnosis diagnosis, string model)
    {
        console.Line($"{model}: {diagnosis.Layers.Count} quantized layers, {diagnosis.Images} images, outputs at {DiagnosisText.Decibels(diagnosis.Error)} dB");
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "type");
        foreach (var title in (string[])["cost alone", "dB alone", "gain in float", "dB without", "input dB", "saturated", "max / 99.99%", "weight dB"]) table.AddColumn(new TableColumn(title).RightAligned());
        foreach (var layer in DiagnosisText.ByCost(diagnosis).Take(Shown))
        {
            var input = DiagnosisText.InputOf(diagnosis, layer);
            string[] cells =
            [
                DiagnosisText.Short(layer.Name, 40), layer.OpType, DiagnosisText.Percent(layer.Share), DiagnosisText.Decibels(layer.ErrorAlone), DiagnosisText.Percent(layer.Gain), DiagnosisText.Decibels(layer.ErrorWithout),
                DiagnosisText.DecibelsOf(input?.Simulator?.SnrDecibels), DiagnosisText.Percent(input?.Saturated), input is null ? "" : input.OutlierRatio.ToString("0.0", CultureInfo.InvariantCulture), DiagnosisText.DecibelsOf(layer.Weight?.Error?.SnrDecibels),
            ];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        if (diagnosis.Layers.Count > Shown) console.Line($"… and {diagnosis.Layers.Count - Shown} other layers, in --json and on the page (-o)");
        foreach (var finding in diagnosis.Findings)
        {
            console.Line($"{(finding.Severity == FindingSeverity.Warning ? "!" : "-")} {finding.Message}");
            if (finding.Next is { } next) console.Line($"    next: {next}");
        }
    }
}
