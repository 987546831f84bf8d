using System.Globalization;
using System.Text;

namespace Pith.Serving;

/// <summary>The statistics in Prometheus' text format, under the names that Triton's dashboards look for.</summary>
internal static class MetricsText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private static readonly (string Name, string Help, Func<ModelStatistics, long> Value)[] s_counters =
    [
        ("nv_inference_request_success", "Number of successful inference requests", s => s.Success.Count),
        ("nv_inference_count", "Number of inferences performed (a batch of n counts n)", s => s.Inferences),
        ("nv_inference_exec_count", "Number of model executions performed", s => s.Executions),
        ("nv_inference_request_duration_us", "Cumulative time of successful requests from arrival to answer, in microseconds", s => s.Success.Nanoseconds / 1000),
        ("nv_inference_queue_duration_us", "Cumulative time that requests waited in the queue, in microseconds", s => s.Queue.Nanoseconds / 1000),
        ("nv_inference_compute_input_duration_us", "Cumulative time of copying inputs, in microseconds", s => s.ComputeInput.Nanoseconds / 1000),
        ("nv_inference_compute_infer_duration_us", "Cumulative time of running the network, in microseconds", s => s.ComputeInfer.Nanoseconds / 1000),
        ("nv_inference_compute_output_duration_us", "Cumulative time of copying outputs, in microseconds", s => s.ComputeOutput.Nanoseconds / 1000),
    ];

    /// <summary>The metrics of all models that were loaded since the server started.</summary>
    public static string Of(IReadOnlyList<ModelStatistics> models)
    {
        var text = new StringBuilder();
        foreach (var (name, help, value) in s_counters)
        {
            Head(text, name, help, "counter");
            foreach (var model in models) Sample(text, name, model, null, value(model));
        }
        const string Failure = "nv_inference_request_failure";
        Head(text, Failure, "Number of failed inference requests", "counter");
        foreach (var model in models)
            foreach (var reason in Enum.GetValues<FailureReason>()) Sample(text, Failure, model, reason.ToString().ToUpperInvariant(), model.Failed(reason).Count);
        const string Pending = "nv_inference_pending_request_count";
        Head(text, Pending, "Number of requests that wait for an instance of the model", "gauge");
        foreach (var model in models) Sample(text, Pending, model, null, model.Pending);
        return text.ToString();
    }

    private static void Head(StringBuilder text, string name, string help, string kind) => text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {kind}\n");

    private static void Sample(StringBuilder text, string name, ModelStatistics model, string? reason, long value)
    {
        text.Append(CultureInfo.InvariantCulture, $"{name}{{model=\"{Escaped(model.Model)}\"");
        if (reason is not null) text.Append(CultureInfo.InvariantCulture, $",reason=\"{reason}\"");
        text.Append(CultureInfo.InvariantCulture, $",version=\"{model.Version}\"}} {value}\n");
    }

    private static string Escaped(string label) => label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
