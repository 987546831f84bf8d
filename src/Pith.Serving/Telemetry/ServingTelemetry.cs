using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Pith.Serving;

/// <summary>Traces and meters of .NET, which OpenTelemetry and other listeners read: a span for each request, counters and a histogram. Without a listener they cost next to nothing.</summary>
internal static class ServingTelemetry
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string Name = "Pith.Serving";

    private static readonly ActivitySource s_source = new(Name, PithVersion.Text);
    private static readonly Meter s_meter = new(Name, PithVersion.Text);
    private static readonly Histogram<double> s_duration = s_meter.CreateHistogram<double>("pith.request.duration", "s", "Time from a request's arrival to its answer");
    private static readonly Counter<long> s_failures = s_meter.CreateCounter<long>("pith.request.failures", "{request}", "Requests without an answer");

    /// <summary>Begins the span of a request; null when nobody listens.</summary>
    public static Activity? Start(InferenceRequest request)
    {
        var activity = s_source.StartActivity("infer", ActivityKind.Server);
        activity?.SetTag("pith.model", request.Model);
        if (request.Id.Length > 0) activity?.SetTag("pith.request_id", request.Id);
        return activity;
    }

    public static void Answered(Activity? activity, ServedModel model, long begin)
    {
        activity?.SetTag("pith.version", model.Version);
        if (s_duration.Enabled) s_duration.Record(Stopwatch.GetElapsedTime(begin).TotalSeconds, new KeyValuePair<string, object?>("model", model.Name));
    }

    public static void Failed(Activity? activity, ServedModel model, Exception failure)
    {
        activity?.SetStatus(ActivityStatusCode.Error, failure.Message);
        if (s_failures.Enabled) s_failures.Add(1, new KeyValuePair<string, object?>("model", model.Name));
    }
}
