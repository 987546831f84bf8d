using Pith.Compression.Compatibility;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>What a runtime would not take of a model, in the terminal.</summary>
internal static class ViolationTable
{
    private const int ShownOfEachRule = 3;

    public static void Draw(IAnsiConsole console, string model, string runtime, IReadOnlyList<Violation> violations, IReadOnlyList<string> notes, bool all)
    {
        if (violations.Count > 0)
        {
            var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("rule").NoWrap().PadRight(0)).AddColumn(new TableColumn("releases").NoWrap().PadRight(0)).AddColumns("node", "what is wrong, and what to change");
            foreach (var rule in violations.GroupBy(violation => violation.Rule))
            {
                var shown = all ? rule.Count() : Math.Min(rule.Count(), ShownOfEachRule);
                foreach (var violation in rule.Take(shown)) table.AddRow([.. Cells(violation).Select(SafeText.Cell)]);
                if (rule.Count() > shown) table.AddRow(SafeText.Cell(rule.Key), "", SafeText.Cell($"{rule.Count() - shown} more"), "the same (--all shows them)");
            }
            console.Write(table);
        }
        foreach (var note in notes) console.Line($"{note}");
        var errors = violations.Count(violation => violation.Severity == Severity.Error);
        if (violations.Count == 0) console.Line($"{model}: keeps every rule of {runtime}.");
        else console.Line($"{model}: {errors} {(errors == 1 ? "error" : "errors")} (refused, or computed otherwise) and {violations.Count - errors} {(violations.Count - errors == 1 ? "warning" : "warnings")} (built, but in float or slower) for {runtime}.");
    }

    public static void DrawRules(IAnsiConsole console, IReadOnlyList<CompatibilityRule> rules)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("rule", "violation is", "releases", "what holds");
        foreach (var rule in rules) table.AddRow([.. ((string[])[rule.Id, Word(rule.Severity), rule.Versions.ToString(), rule.Summary]).Select(SafeText.Cell)]);
        console.Write(table);
    }

    private static string[] Cells(Violation violation) =>
        [$"{violation.Rule} ({Word(violation.Severity)})", violation.Versions, violation.Node.Length == 0 ? "(file)" : $"{violation.OpType} {violation.Node}", $"{violation.Problem} {violation.Fix}"];

    private static string Word(Severity severity) => severity == Severity.Error ? "error" : "warning";
}
