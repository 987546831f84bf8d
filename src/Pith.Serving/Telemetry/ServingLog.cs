using Microsoft.Extensions.Logging;

namespace Pith.Serving;

/// <summary>What the server logs: one method for each event, with fields of their own. Names from outside are made printable first.</summary>
internal sealed partial class ServingLog(ILogger logger)
{
    public void Note(string model, string note) => LogNote(logger, PrintableText.Of(model), PrintableText.Of(note));

    public void Loaded(string model, long version, double seconds, string what) => LogLoaded(logger, PrintableText.Of(model), version, seconds, PrintableText.Of(what));

    public void LoadFailed(string model, long version, string reason) => LogLoadFailed(logger, PrintableText.Of(model), version, PrintableText.Of(reason));

    public void Unloaded(string model, long version) => LogUnloaded(logger, PrintableText.Of(model), version);

    public void RunFailed(string model, long version, Exception failure) => LogRunFailed(logger, failure, PrintableText.Of(model), version);

    public void Refused(string model, string id, RequestFault fault, string reason)
    {
        if (logger.IsEnabled(LogLevel.Debug)) LogRefused(logger, PrintableText.Of(model), PrintableText.Of(id), fault, PrintableText.Of(reason));
    }

    public void Bug(string address, Exception failure) => LogBug(logger, failure, PrintableText.Of(address));

    public void Listening(string http, string grpc, string repository) => LogListening(logger, http, grpc, PrintableText.Of(repository));

    public void Stopping() => LogStopping(logger);

    [LoggerMessage(1, LogLevel.Information, "model '{Model}': {Note}")]
    private static partial void LogNote(ILogger logger, string model, string note);

    [LoggerMessage(2, LogLevel.Information, "model '{Model}' version {Version} is ready after {Seconds:0.00} s: {What}")]
    private static partial void LogLoaded(ILogger logger, string model, long version, double seconds, string what);

    [LoggerMessage(3, LogLevel.Warning, "model '{Model}' version {Version} is not available: {Reason}")]
    private static partial void LogLoadFailed(ILogger logger, string model, long version, string reason);

    [LoggerMessage(4, LogLevel.Information, "model '{Model}' version {Version} was unloaded")]
    private static partial void LogUnloaded(ILogger logger, string model, long version);

    [LoggerMessage(5, LogLevel.Error, "model '{Model}' version {Version} could not be run")]
    private static partial void LogRunFailed(ILogger logger, Exception failure, string model, long version);

    [LoggerMessage(6, LogLevel.Debug, "model '{Model}': request '{Id}' refused ({Fault}): {Reason}")]
    private static partial void LogRefused(ILogger logger, string model, string id, RequestFault fault, string reason);

    [LoggerMessage(7, LogLevel.Error, "a bug in Pith at {Address}")]
    private static partial void LogBug(ILogger logger, Exception failure, string address);

    [LoggerMessage(8, LogLevel.Information, "serving '{Repository}': HTTP {Http}, gRPC {Grpc}")]
    private static partial void LogListening(ILogger logger, string http, string grpc, string repository);

    [LoggerMessage(9, LogLevel.Information, "stopping: requests that were accepted are answered")]
    private static partial void LogStopping(ILogger logger);
}
