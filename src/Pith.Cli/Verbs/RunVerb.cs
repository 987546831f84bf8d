using System.CommandLine;
using Pith.Cli.Reporting;
using Pith.Cli.Reporting.Html;
using Pith.Compression.Distribution;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith run</c>: a whole workflow from a recipe file, with a report at the end.</summary>
internal sealed class RunVerb : Verb
{
    private readonly Argument<string> _recipe = new("recipe") { Description = "A JSON file; docs/recipes.md explains the fields." };
    private readonly Option<string?> _output = CommonOptions.OutputFolder(new Option<string?>("--output", "-o") { Description = "Folder for models, state and report; default: the recipe's name.", HelpName = "folder" });
    private readonly Option<int> _threads = CommonOptions.Threads();

    public override string Name => "run";

    public override string Summary => "Runs a recipe: all steps, evaluation, timing and report. Finished steps are skipped.";

    public override IReadOnlyList<string> Examples => ["pith run recipe.json", "pith run samples/recipes/cifar10-resnet20.json -o out --json", "mpirun -n 4 pith run recipe.json"];

    public override bool SpreadsOverRanks => true;

    protected override IEnumerable<Symbol> Symbols => [_recipe, _output, _threads];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var path = arguments.GetRequiredValue(_recipe);
        var recipe = Recipe.Load(path);
        return Run(recipe, arguments.GetValue(_output) ?? Path.GetFileNameWithoutExtension(path) + "-out", arguments.GetValue(_threads), JoinRanks(terminal), terminal, cancellation);
    }

    /// <summary>Runs a recipe into a folder and writes <c>report.html</c> and <c>report.json</c> there.</summary>
    public static int Run(Recipe recipe, string folder, int threads, ProcessGroup group, Terminal terminal, CancellationToken cancellation)
    {
        var report = terminal.Track(events => RecipeRunner.RunShared(recipe, folder, new RecipeRunOptions { Threads = threads, Events = events, Cancellation = cancellation, Group = group }));
        if (report is null) return Program.Done;
        var html = Path.Combine(folder, "report.html");
        HtmlReport.Write(report, html);
        AtomicFile.WriteText(Path.Combine(folder, "report.json"), JsonText.Of(report) + "\n");
        terminal.Result(report, console =>
        {
            StageTable.Draw(console, report);
            console.Line($"{report.Stages.Count} stages in {report.Seconds:0} s on {report.Machine}");
            console.Line($"Report: {Path.GetFullPath(html)}");
        });
        return Program.Done;
    }
}
