using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>The table of a recipe run in the terminal: the same columns as in the HTML report.</summary>
internal static class StageTable
{
    public static void Draw(IAnsiConsole console, RecipeReport report)
    {
        var table = new Table().Border(TableBorder.Simple);
        var columns = StageColumn.Of(report);
        foreach (var column in columns) table.AddColumn(column.IsNumber ? new TableColumn(column.Title).RightAligned() : new TableColumn(column.Title));
        foreach (var stage in report.Stages) table.AddRow([.. columns.Select(column => SafeText.Cell(column.Cell(stage)))]);
        console.Write(table);
    }
}
