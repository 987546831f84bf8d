namespace Pith;

/// <summary>
/// A failure that the user can act on: bad input, an unsupported construct, a file that cannot be read.
/// The message is written for people: what, where, expected, got, what next. Everything else that escapes is a bug in Pith.
/// Messages quote names from files, which may hold anything: control characters become <c>\u001B</c>, so that a message is one line and cannot steer a terminal.
/// </summary>
public sealed class PithException : Exception
{
    /// <summary>Creates the exception with a message for people.</summary>
    public PithException(string message) : base(PrintableText.Of(message)) { }

    /// <summary>Creates the exception with a message for people and the failure beneath it.</summary>
    public PithException(string message, Exception inner) : base(PrintableText.Of(message), inner) { }

    /// <summary>Creates the exception without a message; exists for serialisers only.</summary>
    public PithException() { }
}
