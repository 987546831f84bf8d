using System.Globalization;
using Pith.Benchmarking;
using Pith.Cli.Peers;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>One row of a benchmark.</summary>
/// <param name="Engine">The model as the user named it.</param>
/// <param name="Result">The timings.</param>
/// <param name="Ratio">How many times faster the first row is; null in the first.</param>
/// <param name="Agreement">How far the outputs agree with the first row's; null in the first and where they cannot be compared.</param>
internal sealed record BenchRow(string Engine, BenchmarkResult Result, SpeedRatio? Ratio, OutputAgreement? Agreement)
{
    /// <summary>Null when it was not asked for or is not available.</summary>
    public EnergyResult? Energy { get; init; }
}

/// <summary>What <c>pith bench</c> says about whole networks.</summary>
internal sealed record BenchReport
{
    public required IReadOnlyList<BenchRow> Rows { get; init; }

    /// <summary>Percentiles of the latency to show, each from 0 to 100.</summary>
    public required IReadOnlyList<double> Percentiles { get; init; }

    /// <summary>Threads of each stream.</summary>
    public required int Threads { get; init; }

    /// <summary>Seconds from opening the first row's model to its first answer.</summary>
    public required double FirstAnswerSeconds { get; init; }

    /// <summary>The profile of the first row; null when none was asked for.</summary>
    public IReadOnlyList<LayerResult>? Profile { get; init; }

    /// <summary>The layers of the first row; null when they were not asked for.</summary>
    public IReadOnlyList<LayerInfo>? Layers { get; init; }

    /// <summary>Whether energy was asked for; rows lack it where the machine does not tell.</summary>
    public bool EnergyWanted { get; init; }

    public long PeakResidentBytes { get; } = ProcessMemory.PeakResidentBytes();

    /// <summary>The first row's numbers flat, so that a script reads <c>.median_ms</c>; the other rows with their ratios under <c>others</c>.</summary>
    public object Json()
    {
        var json = Json(Rows[0]);
        json.Add("threads", Threads);
        json.Add("first_answer_ms", 1e3 * FirstAnswerSeconds);
        json.Add("peak_resident_bytes", PeakResidentBytes);
        json.Add("machine", MachineDescription.Text);
        if (Rows.Count > 1) json.Add("ratio", Rows[1].Ratio!.Median);
        if (Rows.Count > 1) json.Add("others", Rows.Skip(1).Select(Json));
        if (Profile is not null) json.Add("layers", Profile);
        if ((Profile?.Select(layer => layer.ReferenceReason) ?? Layers?.Select(layer => layer.ReferenceReason)) is { } reasons) json.Add("reference_layers", reasons.Count(reason => reason is not null));
        if (Layers is not null) json.Add("layer_info", Layers);
        return json;
    }

    public void Draw(IAnsiConsole console)
    {
        var first = Rows[0].Result;
        console.Line($"batch {first.Batch}, {Count(first.Streams, "stream")} of {Count(Threads, "thread")}; ms for one batch; first answer after {Text(FirstAnswerSeconds, "0.00")} s; peak memory of the process {StageText.Bytes(PeakResidentBytes)}");
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("engine").PadRight(0));
        foreach (var title in (string[])["median", "min", "mean", .. Percentiles.Select(Title), "cv", "images/s", "runs"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap().PadRight(0));
        foreach (var row in Rows)
        {
            var result = row.Result;
            string[] cells = [NameIn(row.Engine), Ms(result.MedianMs), Ms(result.MinMs), Ms(result.MeanMs), .. Percentiles.Select(percent => Ms(1e3 * result.Latency.Percentile(percent))), Text(result.CoefficientOfVariation, "0.0%"), Text(result.ImagesPerSecond, "0"), Text(result.Runs, "0")];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        foreach (var row in Rows) DrawRatio(console, row);
        if (EnergyWanted) EnergyTable.Draw(console, [.. Rows.Select(row => (NameIn(row.Engine), row.Energy))]);
        if (Profile is not null) LayerTable.Draw(console, Profile, first.Batch);
        if (Layers is not null) LayerInfoText.Draw(console, Layers);
    }

    private void DrawRatio(IAnsiConsole console, BenchRow row)
    {
        if (row.Ratio is not { } ratio) return;
        console.Line($"{NameIn(Rows[0].Engine)} is {Text(ratio.Median, "0.00")} times as fast as {NameIn(row.Engine)}");
        console.Line($"  by medians, in turn; {Text(ratio.Minimum, "0.00")} by minima; {Text(ratio.LowerQuartile, "0.00")} to {Text(ratio.UpperQuartile, "0.00")} in half of the {ratio.Rounds} rounds");
        console.Line($"  outputs: {row.Agreement?.ToString() ?? "of different size or not float, not compared"}");
    }

    private Dictionary<string, object> Json(BenchRow row)
    {
        var result = row.Result;
        var json = new Dictionary<string, object>
        {
            ["model"] = row.Engine,
            ["batch"] = result.Batch,
            ["streams"] = result.Streams,
            ["runs"] = result.Runs,
            ["median_ms"] = result.MedianMs,
            ["min_ms"] = result.MinMs,
            ["mean_ms"] = result.MeanMs,
        };
        foreach (var percent in Percentiles) json[$"{Title(percent)}_ms"] = 1e3 * result.Latency.Percentile(percent);
        json["coefficient_of_variation"] = result.CoefficientOfVariation;
        json["images_per_second"] = result.ImagesPerSecond;
        if (row.Energy is { } energy) json["energy"] = energy;
        if (row.Ratio is { } ratio) json["ratio"] = ratio;
        if (row.Agreement is { } agreement) json["outputs"] = agreement;
        return json;
    }

    /// <summary>Without the folders, when that still tells the rows apart.</summary>
    private string NameIn(string engine)
    {
        var files = Rows.Select(row => FileName(row.Engine)).ToArray();
        return files.Distinct().Count() == files.Length ? FileName(engine) : engine;
    }

    private static string FileName(string engine)
    {
        const string Separator = ": ";
        var model = engine.LastIndexOf(Separator, StringComparison.Ordinal) is var at and >= 0 ? at + Separator.Length : 0;
        return engine[..model] + Path.GetFileName(engine[model..]);
    }

    private static string Title(double percent) => string.Create(CultureInfo.InvariantCulture, $"p{percent:0.###}");

    private static string Count(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";

    private static string Ms(double milliseconds) => Text(milliseconds, milliseconds < 100 ? "0.000" : "0.0");

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
