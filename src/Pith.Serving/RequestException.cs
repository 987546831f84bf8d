namespace Pith.Serving;

/// <summary>Why a request gets no answer; each front end has a status for it.</summary>
internal enum RequestFault
{
    /// <summary>The request is wrong: 400, INVALID_ARGUMENT.</summary>
    Invalid,

    /// <summary>There is no such model, version or address: 404, NOT_FOUND.</summary>
    NotFound,

    /// <summary>The request is larger than the server takes: 413, RESOURCE_EXHAUSTED.</summary>
    TooLarge,

    /// <summary>The queue is full: 503, RESOURCE_EXHAUSTED.</summary>
    Overloaded,

    /// <summary>The model cannot answer now: 503, UNAVAILABLE.</summary>
    Unavailable,

    /// <summary>The request waited longer than it may: 503, UNAVAILABLE.</summary>
    TimedOut,

    /// <summary>A bug: 500, INTERNAL.</summary>
    Internal,
}

/// <summary>A request that gets no answer. The message is for people: what, where, expected, got, what next; control characters of names in it are spelled out.</summary>
internal sealed class RequestException(RequestFault fault, string message, Exception? inner = null) : Exception(PrintableText.Of(message), inner)
{
    public RequestFault Fault { get; } = fault;

    public static RequestException Invalid(string message, Exception? inner = null) => new(RequestFault.Invalid, message, inner);

    public static RequestException NotFound(string message) => new(RequestFault.NotFound, message);
}
