using System.CommandLine;
using Pith.Cli.Reporting;
using Pith.Compression.Distribution;

namespace Pith.Cli.Verbs;

/// <summary>One verb of the command line: <c>pith NAME …</c>. Listed in <see cref="VerbCatalog"/>.</summary>
internal abstract class Verb
{
    /// <summary>What the user types.</summary>
    public abstract string Name { get; }

    /// <summary>An earlier name that still works; null for none.</summary>
    public virtual string? Alias => null;

    /// <summary>One line for the overview.</summary>
    public abstract string Summary { get; }

    /// <summary>Whole command lines that work.</summary>
    public abstract IReadOnlyList<string> Examples { get; }

    /// <summary>The verb's arguments and options, in the order of its help.</summary>
    protected abstract IEnumerable<Symbol> Symbols { get; }

    /// <summary>Adds them to <paramref name="command"/>.</summary>
    public virtual void Declare(Command command)
    {
        foreach (var symbol in Symbols)
        {
            if (symbol is Argument argument) command.Add(argument);
            else command.Add((Option)symbol);
        }
    }

    /// <summary>How long the verb may go on after a signal that ends it.</summary>
    public virtual TimeSpan TimeToStop => TimeSpan.FromSeconds(2);

    /// <summary>Whether processes that <c>mpirun</c> starts share the work.</summary>
    public virtual bool SpreadsOverRanks => false;

    /// <summary>The processes that the work is spread over.</summary>
    protected ProcessGroup JoinRanks(Terminal terminal)
    {
        var group = SpreadsOverRanks ? MpiGroup.Join() : ProcessGroup.Single;
        if (group is MpiGroup { PlacementNote: { } note }) terminal.Note(note);
        return group;
    }

    /// <summary>Does the work.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PithException">The work failed; the message is for people.</exception>
    /// <exception cref="UsageException">The options do not go together.</exception>
    public abstract int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation);
}

/// <summary>Options that cannot be used so; the parser could not see it.</summary>
internal sealed class UsageException(string message) : Exception(message);
