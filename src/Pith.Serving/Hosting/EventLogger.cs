using Microsoft.Extensions.Logging;

namespace Pith.Serving;

/// <summary>Events of Pith as log lines: warnings as warnings, decisions as debug output, and of progress one line when a task begins and one when it is done. Thread-safe.</summary>
/// <param name="logger">Where lines go.</param>
public sealed partial class EventLogger(ILogger logger) : IProgress<PithEvent>
{
    /// <inheritdoc/>
    public void Report(PithEvent value)
    {
        switch (value)
        {
            case Warning warning: LogWarning(logger, PrintableText.Of(warning.Message)); break;
            case ProgressMade { Done: 0 } begun: LogBegun(logger, PrintableText.Of(begun.Task)); break;
            case ProgressMade progress when progress.Done >= progress.Total: LogDone(logger, PrintableText.Of(progress.Task), PrintableText.Of(progress.Detail)); break;
            case ProgressMade: break;
            default:
                if (logger.IsEnabled(LogLevel.Debug)) LogEvent(logger, PrintableText.Of(value.ToString()));
                break;
        }
    }

    [LoggerMessage(20, LogLevel.Warning, "{Message}")]
    private static partial void LogWarning(ILogger logger, string message);

    [LoggerMessage(21, LogLevel.Information, "{Task} begins")]
    private static partial void LogBegun(ILogger logger, string task);

    [LoggerMessage(22, LogLevel.Information, "{Task} is done {Detail}")]
    private static partial void LogDone(ILogger logger, string task, string detail);

    [LoggerMessage(23, LogLevel.Debug, "{Event}")]
    private static partial void LogEvent(ILogger logger, string @event);
}
