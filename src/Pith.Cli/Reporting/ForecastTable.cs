using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>A forecast in the terminal: the network with each pattern, its layers, and what it comes to.</summary>
internal static class ForecastTable
{
    public static void Draw(IAnsiConsole console, string model, ForecastResult result)
    {
        console.Line($"{model}: INT8, batch {result.Batch}, {result.Threads} threads; {result.EligibleLayers} of {result.Layers.Count} layers with weights take the patterns");
        if (result.WasQuantizedForThis) console.Line($"quantized for this with ranges that are made up, and weights are random: the speed is right, the results are not");
        console.Write(Networks(result));
        console.Write(Layers(result));
        foreach (var sentence in result.Verdict) console.Line($"{sentence}");
    }

    private static Table Networks(ForecastResult result)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("weights");
        foreach (var title in (string[])["ms", "dense in turn, ms", "times as fast", "half of the rounds", "weights in memory", "plan"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap());
        table.AddRow("dense", Text(result.DenseMedianMs, "0.000"), "", "", "", StageText.Bytes(result.DenseWeightBytes), StageText.Bytes(result.DensePlanBytes));
        foreach (var forecast in result.Patterns)
            table.AddRow(forecast.Pattern, Text(forecast.MedianMs, "0.000"), Text(forecast.DenseMedianMs, "0.000"), Text(forecast.Speedup, "0.00"), $"{Text(forecast.LowerQuartile, "0.00")} to {Text(forecast.UpperQuartile, "0.00")}", StageText.Bytes(forecast.WeightBytes), StageText.Bytes(forecast.PlanBytes));
        return table;
    }

    private static Table Layers(ForecastResult result)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("layer").PadRight(0)).AddColumn(new TableColumn("dense, µs").RightAligned().NoWrap().PadRight(0));
        foreach (var forecast in result.Patterns) table.AddColumn(new TableColumn($"{forecast.Pattern}, µs").RightAligned().NoWrap().PadRight(0));
        table.AddColumn("stays dense because");
        foreach (var layer in result.Layers)
        {
            string[] cells = [layer.Name, Text(layer.DenseMicroseconds, "0.0"), .. layer.Times.Select(time => Text(time.Microseconds, "0.0") + (time.WeightForm == TacticVerdict.Dense ? "" : "*")), layer.WhyDense ?? ""];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        return table.Caption("* by a kernel for sparse weights");
    }

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
