using System.CommandLine;
using Pith.Cli.Reporting;
using Pith.Compression.Compatibility;

namespace Pith.Cli.Verbs;

/// <summary><c>pith check</c>: whether another runtime takes a model, and computes in INT8 what the model says.</summary>
internal sealed class CheckVerb : Verb
{
    private readonly Argument<string?> _model = new("model") { Description = ModelFile.Help, Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string> _target = new("--target") { Description = "Runtime to check for: tensorrt.", HelpName = "name", DefaultValueFactory = _ => "tensorrt" };
    private readonly Option<RuntimeVersions> _versions = new("--versions")
    {
        Description = $"Releases to check for: 10, 8.6, or a range such as 8.6-11. Default: {TensorRtCheck.AllVersions.First}-{TensorRtCheck.AllVersions.Last}.",
        HelpName = "range",
        DefaultValueFactory = _ => TensorRtCheck.AllVersions,
        CustomParser = result =>
        {
            if (result.Tokens is [var token] && RuntimeVersions.TryParse(token.Value, out var versions) && versions.And(TensorRtCheck.KnownVersions) == versions) return versions;
            result.AddError($"--versions must be a release of TensorRT from {TensorRtCheck.KnownVersions.First} to {TensorRtCheck.KnownVersions.Last}, e.g. 10 or 8.6, or a range, e.g. 8.6-11; got '{string.Join(' ', result.Tokens.Select(token => token.Value))}'.");
            return default;
        },
    };
    private readonly Option<bool> _errorsOnly = new("--errors-only") { Description = "Report only what the runtime refuses or computes otherwise, not what it builds but runs in float or slower." };
    private readonly Option<bool> _all = new("--all") { Description = "Show every violation; by default the first few of each rule are shown (JSON always has all)." };
    private readonly Option<bool> _rules = new("--rules") { Description = "List the rules instead of checking a model." };
    private readonly Option<InputSize?> _size = CommonOptions.Size();

    public override string Name => "check";

    public override string Summary => "Checks a model against what another runtime takes, TensorRT 8 to 11: Q/DQ types, scales and placement, ops, opset, 2:4. Each violation names node, rule, releases and what to change; exit code 1 when there is one.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith check net-int8.onnx --target tensorrt",
        "pith check net-int8.onnx --versions 10-11 --errors-only",
        "pith check net-int8.onnx --json",
        "pith check --rules",
    ];

    protected override IEnumerable<Symbol> Symbols => [_model, _target, _versions, _errorsOnly, _all, _rules, _size];

    public override void Declare(Command command)
    {
        _target.AcceptOnlyFromAmong("tensorrt");
        base.Declare(command);
    }

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        if (arguments.GetValue(_rules))
        {
            terminal.Result(new { Rules = TensorRtRules.All.Select(rule => new { rule.Id, rule.Severity, Versions = rule.Versions.ToString(), rule.Summary }) }, console => ViolationTable.DrawRules(console, TensorRtRules.All));
            return Program.Done;
        }
        var model = arguments.GetValue(_model) ?? throw new UsageException("A model is needed, or --rules.");
        var versions = arguments.GetValue(_versions);
        var graph = ModelFile.Load(model, arguments.GetValue(_size));
        var found = TensorRtCheck.Run(graph, File.Exists(model) ? OnnxModel.ReadContents(model) : OnnxModel.ContentsOf(graph), versions);
        var violations = arguments.GetValue(_errorsOnly) ? [.. found.Where(violation => violation.Severity == Severity.Error)] : found;
        var notes = TensorRtCheck.Notes(graph, versions);
        terminal.Result(new { Model = model, Target = arguments.GetValue(_target), Versions = versions.ToString(), Holds = violations.Count == 0, Violations = violations, Notes = notes },
            console => ViolationTable.Draw(console, model, $"TensorRT {versions}", violations, notes, arguments.GetValue(_all)));
        return violations.Count == 0 ? Program.Done : Program.Failed;
    }
}
