namespace Pith;

/// <summary>
/// Something that happened and that somebody may want to see: the command line draws events, tests assert on them, JSON output writes them.
/// Each assembly adds its own records; consumers ignore kinds that they do not know.
/// </summary>
public abstract record PithEvent;

/// <summary>A pass changed a graph.</summary>
/// <param name="Pass">The pass's name.</param>
/// <param name="Changes">The number of places changed.</param>
public sealed record PassApplied(string Pass, int Changes) : PithEvent;

/// <summary>Long work moved on.</summary>
/// <param name="Task">What is being done, e.g. <c>calibrate</c>; stays the same over the whole task.</param>
/// <param name="Done">Units done so far.</param>
/// <param name="Total">Units in all.</param>
/// <param name="Detail">What to show beside the bar, e.g. loss and accuracy; may be empty.</param>
public record ProgressMade(string Task, long Done, long Total, string Detail = "") : PithEvent;

/// <summary>Something the user should know that did not stop the work.</summary>
/// <param name="Message">The message, for people.</param>
public sealed record Warning(string Message) : PithEvent;
