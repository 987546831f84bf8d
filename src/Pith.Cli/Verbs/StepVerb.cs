using System.CommandLine;
using System.Text.Json.Nodes;
using Pith.Cli.Reporting;
using Pith.Compression.Data;
using Pith.Compression.Distribution;

namespace Pith.Cli.Verbs;

/// <summary>A verb that is a recipe step: takes a model, makes another. Settings come from a file, then from options.</summary>
internal abstract class StepVerb : Verb
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string?> _output = CommonOptions.Output("the new model");
    private readonly Option<string?> _settings = new("--settings") { Description = "JSON file with settings of the step, as in a recipe; command-line options take precedence.", HelpName = "file" };
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly Option<Preprocessing?> _preprocess = CommonOptions.Preprocess();
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<string> _data = CommonOptions.Data("Training or calibration images; never the test set.", required: false);

    /// <summary>The kind of step in <see cref="StepCatalog"/>; also the verb's name.</summary>
    public sealed override string Name => Kind;

    /// <summary>The model that the step starts from.</summary>
    protected Argument<string> Model => _model;

    protected abstract string Kind { get; }

    /// <summary>What is appended to the model's name when no output is given.</summary>
    protected abstract string Suffix { get; }

    /// <summary>Whether the step reads images.</summary>
    protected abstract bool ReadsData { get; }

    /// <summary>The options that set fields.</summary>
    protected abstract IReadOnlyList<SettingOption> Settings { get; }

    protected override IEnumerable<Symbol> Symbols => [_model, _output, .. ReadsData ? (Symbol[])[_data, _preprocess] : [], _threads, .. Settings.Select(setting => setting.Option), _size, _settings];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var output = ModelFile.Output(arguments.GetValue(_output), model, Suffix);
        var step = ReadStep(arguments);
        var group = JoinRanks(terminal);
        var outcome = terminal.Track(events =>
        {
            var (graph, context) = Open(arguments, step, group, events, cancellation);
            var made = step.Run(graph, context);
            if (!group.IsFirst) return made;
            OnnxModel.Save(made.Graph, output);
            File.Delete(CheckpointOf(output));
            File.Delete(SearchFiles.BestOf(output));
            return made;
        });
        if (group.IsFirst) AfterSave(outcome, output, arguments);
        foreach (var finding in outcome.Findings) terminal.Note(finding.Message);
        terminal.Result(Json(outcome, model, output), console => Draw(console, outcome, output));
        if (outcome.Unreached is not { } unreached) return Program.Done;
        terminal.Error(unreached);
        return Program.Failed;
    }

    /// <summary>The step with the settings that the user gave.</summary>
    protected RecipeStep ReadStep(ParseResult arguments) =>
        StepCatalog.Find(Kind).Read(Complete(SettingOption.Collect(Settings, arguments, FromFile(arguments.GetValue(_settings))), arguments.GetValue(_data) is not null), $"pith {Kind}");

    /// <summary>The model, and what the step works with.</summary>
    protected (Graph Graph, StepContext Context) Open(ParseResult arguments, RecipeStep step, ProcessGroup group, IProgress<PithEvent> events, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var graph = ModelFile.Load(model, arguments.GetValue(_size));
        var context = Context(arguments, model, graph, ModelFile.Output(arguments.GetValue(_output), model, Suffix), step, events, cancellation);
        return (graph, context with { Group = group, Threads = arguments.GetValue(_threads) });
    }

    /// <summary>Settings whose default depends on whether images are given.</summary>
    protected virtual JsonObject Complete(JsonObject settings, bool hasData) => settings;

    /// <summary>Adds what the verb's own options say.</summary>
    protected virtual StepContext Extend(StepContext context, ParseResult arguments, string model) => context;

    /// <summary>The images to choose epochs on, as the user named them; null when the verb takes none.</summary>
    protected virtual string? Validation(ParseResult arguments) => null;

    /// <summary>What has the step read validation images, as the end of a sentence.</summary>
    protected virtual string ValidationNeeds => "";

    /// <summary>Writes files beside the model.</summary>
    protected virtual void AfterSave(StepOutcome outcome, string output, ParseResult arguments) { }

    protected abstract object Json(StepOutcome outcome, string model, string output);

    protected abstract void Draw(Spectre.Console.IAnsiConsole console, StepOutcome outcome, string output);

    private StepContext Context(ParseResult arguments, string model, Graph graph, string output, RecipeStep step, IProgress<PithEvent> events, CancellationToken cancellation)
    {
        var context = new StepContext { Stage = Kind, Events = events, Cancellation = cancellation };
        if (!ReadsData) return context;
        var data = arguments.GetValue(_data);
        var extended = Extend(context with
        {
            TrainingData = data is null ? null : DatasetCatalog.Open(data, events),
            Preprocess = arguments.GetValue(_preprocess),
            FindModel = name => ModelFile.Load(name, arguments.GetValue(_size)),
            CheckpointPath = CheckpointOf(output),
            OutputPath = output,
        }, arguments, model);
        if (extended.ValidationData is not null && !step.ReadsValidationData) throw new UsageException($"With these settings {Kind} reads no validation images. Leave out --validation{ValidationNeeds}.");
        extended = extended.WithKeyOf(step, graph, data, Validation(arguments));
        DataOverlap.Refuse([("Training", extended.TrainingData), ("validation", extended.ValidationData)], events);
        return extended;
    }

    private static string CheckpointOf(string output) => output + ".checkpoint";

    private static JsonObject FromFile(string? path)
    {
        if (path is null) return [];
        var source = $"The settings '{path}'";
        return SettingsJson.Parse(SettingsJson.ReadFile(path, source), source);
    }
}
