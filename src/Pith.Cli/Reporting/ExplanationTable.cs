using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>What sparsity brings to each layer, in the terminal.</summary>
internal static class ExplanationTable
{
    public static void Draw(IAnsiConsole console, string model, EngineExplanation explanation)
    {
        var forms = ExplanationText.Forms(explanation);
        var weighted = explanation.Layers.Where(layer => layer.IsEligible is not null).ToArray();
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("layer").NoWrap().PadRight(0)).AddColumn(new TableColumn("sums over").NoWrap().PadRight(0)).AddColumn(new TableColumn("2:4").PadRight(0));
        foreach (var form in forms) table.AddColumn(new TableColumn($"{form}, µs").RightAligned().NoWrap().PadRight(0));
        table.AddColumn(new TableColumn("choice").PadRight(0)).AddColumn(new TableColumn("kernel").NoWrap().PadRight(0)).AddColumn(new TableColumn("share").RightAligned().NoWrap().PadRight(0));
        foreach (var layer in weighted)
        {
            string[] cells = [layer.Name, ExplanationText.Axis(layer), ExplanationText.Pattern(layer), .. forms.Select(form => ExplanationText.Time(layer, form)), ExplanationText.Choice(layer), layer.Tactic, Share(layer.TimeShare)];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        var others = explanation.Layers.Where(layer => layer.IsEligible is null).ToArray();
        if (others.Length > 0) table.AddRow([.. ((string[])[$"{others.Length} layers without weights", "", "", .. forms.Select(_ => ""), "", "", Share(others.Sum(layer => layer.TimeShare))]).Select(SafeText.Cell)]);
        console.Write(table);
        console.Line($"{model}: {ExplanationText.Counts(explanation)}");
        console.Line($"{ExplanationText.Total(explanation)}");
    }

    private static string Share(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture) + "%";
}
