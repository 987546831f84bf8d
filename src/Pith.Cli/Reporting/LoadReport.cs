using System.Globalization;
using Pith.Benchmarking;
using Pith.Serving;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>What <c>pith client bench</c> says: a row for each load, with what the server counted meanwhile.</summary>
internal sealed record LoadReport(string Model, string Protocol, IReadOnlyList<LoadResult> Results)
{
    private static readonly double[] s_percentiles = [50, 90, 95, 99];

    public object Json() => new Dictionary<string, object>
    {
        ["model"] = Model,
        ["protocol"] = Protocol,
        ["machine"] = MachineDescription.Text,
        ["loads"] = Results.Select(Json),
    };

    public void Draw(IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn(Results[0].Concurrency is null ? "requests/s" : "concurrency").PadRight(0));
        foreach (var title in (string[])["infer/s", "avg ms", .. s_percentiles.Select(percent => $"p{percent}"), "answered", "refused", "failed", "rows/run", "queue ms", "input", "infer", "output"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap().PadRight(0));
        foreach (var result in Results) table.AddRow([.. Cells(result).Select(SafeText.Cell)]);
        console.Write(table);
        if (Results.FirstOrDefault(result => result.Reason.Length > 0) is { } unanswered) console.Line($"first request without an answer: {unanswered.Reason}");
        console.Line($"{Model} over {Protocol}, {Results[0].Batch} rows a request; latencies as the client sees them, queue to output as the server counted them for each request");
    }

    private static IEnumerable<string> Cells(LoadResult result)
    {
        var server = result.Server;
        return
        [
            result.Concurrency?.ToString(CultureInfo.InvariantCulture) ?? Text(result.RequestRate!.Value, "0.##"),
            Text(result.InferencesPerSecond, "0.0"), Ms(result.Latency?.MeanSeconds), .. s_percentiles.Select(percent => Ms(result.Latency?.Percentile(percent))),
            Count(result.Answered), Count(result.Refused), Count(result.Failed), server.Executions == 0 ? "-" : Text((double)server.Inferences / server.Executions, "0.0"),
            Each(server.QueueNs, server), Each(server.InputNs, server), Each(server.InferNs, server), Each(server.OutputNs, server),
        ];
    }

    private static Dictionary<string, object> Json(LoadResult result)
    {
        var json = new Dictionary<string, object>
        {
            ["batch"] = result.Batch,
            ["seconds"] = result.Seconds,
            ["inferences_per_second"] = result.InferencesPerSecond,
            ["answered"] = result.Answered,
            ["refused"] = result.Refused,
            ["failed"] = result.Failed,
        };
        if (result.Concurrency is { } concurrency) json["concurrency"] = concurrency;
        if (result.RequestRate is { } rate) json["request_rate"] = rate;
        if (result.Reason.Length > 0) json["first_reason"] = result.Reason;
        if (result.Latency is { } latency)
        {
            json["mean_ms"] = 1e3 * latency.MeanSeconds;
            json["min_ms"] = 1e3 * latency.MinSeconds;
            foreach (var percent in s_percentiles) json[$"p{percent}_ms"] = 1e3 * latency.Percentile(percent);
        }
        json["server"] = result.Server;
        return json;
    }

    private static string Each(long nanoseconds, RemoteStatistics server) => server.Requests == 0 ? "-" : Ms(nanoseconds / 1e9 / server.Requests);

    private static string Ms(double? seconds) => seconds is { } time ? Text(1e3 * time, "0.000") : "-";

    private static string Count(long count) => count.ToString(CultureInfo.InvariantCulture);

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
