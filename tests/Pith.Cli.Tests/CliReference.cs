using System.CommandLine;
using System.Globalization;
using System.Text;
using Pith.Cli.Verbs;

namespace Pith.Cli.Tests;

/// <summary>The page about the command line, made from the commands.</summary>
internal static class CliReference
{
    public const string Regenerate = "dotnet build tests/Pith.Cli.Tests -c Release && PITH_UPDATE_DOCS=1 dotnet artifacts/bin/Pith.Cli.Tests/release/Pith.Cli.Tests.dll -method \"*The_page_of_the_command_line*\"";

    public static string Markdown()
    {
        var root = CommandLine.Build();
        var page = new StringBuilder();
        page.Append("# Command line\n\n");
        page.Append($"Made from the commands themselves; a test compares both. To make it anew after a change: `{Regenerate}`\n\n");
        page.Append("Exit codes: 0 done, 1 failed or a check did not hold, 2 wrong usage. Every verb also takes:\n\n");
        AppendOptions(page, root.Options.Where(option => option.Recursive && option is not System.CommandLine.Help.HelpOption));
        page.Append('\n');
        foreach (var verb in VerbCatalog.Create()) page.Append(CultureInfo.InvariantCulture, $"- [`{verb.Name}`](#pith-{verb.Name}) {Cell(verb.Summary)}\n");
        foreach (var verb in VerbCatalog.Create()) Append(page, verb, root.Subcommands.Single(command => command.Name == verb.Name));
        return page.ToString();
    }

    private static void Append(StringBuilder page, Verb verb, Command command)
    {
        var options = command.Options.Where(option => !option.Hidden && option is not System.CommandLine.Help.HelpOption).ToArray();
        page.Append(CultureInfo.InvariantCulture, $"\n## pith {verb.Name}\n\n{verb.Summary}\n\n    pith {verb.Name}{string.Concat(command.Arguments.Select(Usage))}{(options.Length > 0 ? " [options]" : "")}\n\n");
        if (command.Arguments.Count > 0)
        {
            page.Append("| argument | is |\n|---|---|\n");
            foreach (var argument in command.Arguments) page.Append(CultureInfo.InvariantCulture, $"| `{argument.HelpName ?? argument.Name}` | {Cell(argument.Description)}{Default(argument.HasDefaultValue, argument.GetDefaultValue)} |\n");
            page.Append('\n');
        }
        if (options.Length > 0) AppendOptions(page, options);
        page.Append("\nExamples:\n\n");
        foreach (var example in verb.Examples) page.Append(CultureInfo.InvariantCulture, $"    {example}\n");
    }

    private static void AppendOptions(StringBuilder page, IEnumerable<Option> options)
    {
        page.Append("| option | does |\n|---|---|\n");
        foreach (var option in options)
        {
            var names = string.Join(", ", ((string[])[option.Name, .. option.Aliases]).Select(name => option.ValueType == typeof(bool) ? name : $"{name} <{option.HelpName ?? option.Name.TrimStart('-')}>"));
            page.Append(CultureInfo.InvariantCulture, $"| `{names}` | {Cell(option.Description)}{Default(option.HasDefaultValue, option.GetDefaultValue)}{(option.Required ? " Required." : "")} |\n");
        }
    }

    private static string Usage(Argument argument)
    {
        var name = $"<{argument.HelpName ?? argument.Name}>{(argument.Arity.MaximumNumberOfValues > 1 ? "..." : "")}";
        return argument.Arity.MinimumNumberOfValues == 0 ? $" [{name}]" : $" {name}";
    }

    private static string Default(bool has, Func<object?> value) =>
        has && value() is string or (ValueType and not false) && Convert.ToString(value(), CultureInfo.InvariantCulture) is { Length: > 0 } text ? $" Default: {Cell(text)}." : "";

    // One cell of a table, in which no character means anything to Markdown.
    private static string Cell(string? text) => (text ?? "").ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace("*", "\\*", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal);
}
