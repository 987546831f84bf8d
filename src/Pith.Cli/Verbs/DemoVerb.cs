using System.CommandLine;
using Pith.Cli.Reporting;

namespace Pith.Cli.Verbs;

/// <summary><c>pith demo</c>: the built-in recipe on built-in images, from random weights to a 2:4 INT8 engine.</summary>
internal sealed class DemoVerb : Verb
{
    private readonly Option<string> _output = CommonOptions.OutputFolder(new Option<string>("--output", "-o") { Description = "Folder for models, state and report.", HelpName = "folder", DefaultValueFactory = _ => Path.Combine("pith-out", "demo") });
    private readonly Option<int> _threads = CommonOptions.Threads();

    public override string Name => "demo";

    public override string Summary => "The whole workflow on built-in images: dense, 2:4, INT8 (PTQ and QAT), accuracy and speed side by side.";

    public override IReadOnlyList<string> Examples => ["pith demo", "pith demo -o out --json"];

    protected override IEnumerable<Symbol> Symbols => [_output, _threads];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation) =>
        RunVerb.Run(Recipe.Builtin("demo"), arguments.GetValue(_output)!, arguments.GetValue(_threads), JoinRanks(terminal), terminal, cancellation);
}
