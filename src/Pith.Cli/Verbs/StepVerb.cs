using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Pith.Cli.Reporting;
using Pith.Compression;
using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary>A verb that is a recipe step: takes a model, makes another. Settings come from a file, then from options.</summary>
internal abstract class StepVerb : Verb
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string?> _output = CommonOptions.Output("the new model");
    private readonly Option<string?> _settings = new("--settings") { Description = "A JSON file with fields of the step, as in a recipe; options win over it.", HelpName = "file" };
    private readonly Option<ImageSize?> _size = CommonOptions.Size();
    private readonly Option<string?> _preprocess = CommonOptions.Preprocess();
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<string?> _data = new("--data") { Description = "Images to learn from or to calibrate on: training data, never the test set.", HelpName = "spec" };

    /// <summary>The kind of step in <see cref="StepCatalog"/>; also the verb's name.</summary>
    public sealed override string Name => Kind;

    protected abstract string Kind { get; }

    /// <summary>What is appended to the model's name when no output is given.</summary>
    protected abstract string Suffix { get; }

    /// <summary>Whether the step reads images.</summary>
    protected abstract bool ReadsData { get; }

    /// <summary>The options that set fields.</summary>
    protected abstract IReadOnlyList<SettingOption> Settings { get; }

    public override void Declare(Command command)
    {
        command.Add(_model);
        command.Add(_output);
        if (ReadsData)
        {
            command.Add(_data);
            command.Add(_preprocess);
            command.Add(_threads);
        }
        foreach (var setting in Settings) command.Add(setting.Option);
        command.Add(_size);
        command.Add(_settings);
    }

    public sealed override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var output = ModelFile.Output(arguments.GetValue(_output), model, Suffix);
        var step = StepCatalog.Find(Kind).Read(SettingOption.Collect(Settings, arguments, FromFile(arguments.GetValue(_settings))), $"pith {Kind}");
        var outcome = terminal.Track(events =>
        {
            var made = step.Apply(ModelFile.Load(model, arguments.GetValue(_size)), Context(arguments, model, output, step, events, cancellation));
            SparsityRecord.Verify(made.Graph, Kind);
            OnnxModel.Save(made.Graph, output);
            File.Delete(CheckpointOf(output));
            return made;
        });
        AfterSave(outcome, output, arguments);
        foreach (var finding in outcome.Findings) terminal.Note(finding.Message);
        terminal.Result(Json(outcome, model, output), console => Draw(console, outcome, output));
        return Program.Done;
    }

    /// <summary>Adds what the verb's own options say.</summary>
    protected virtual StepContext Extend(StepContext context, ParseResult arguments, string model) => context;

    /// <summary>Writes files beside the model.</summary>
    protected virtual void AfterSave(StepOutcome outcome, string output, ParseResult arguments) { }

    protected abstract object Json(StepOutcome outcome, string model, string output);

    protected abstract void Draw(Spectre.Console.IAnsiConsole console, StepOutcome outcome, string output);

    private StepContext Context(ParseResult arguments, string model, string output, RecipeStep step, IProgress<PithEvent> events, CancellationToken cancellation)
    {
        var context = new StepContext { Stage = Kind, Events = events, Cancellation = cancellation };
        if (!ReadsData) return context;
        var data = arguments.GetValue(_data);
        return Extend(context with
        {
            TrainingData = data is null ? null : DatasetCatalog.Open(data),
            Preprocess = arguments.GetValue(_preprocess),
            Threads = arguments.GetValue(_threads),
            FindModel = name => ModelFile.Load(name, arguments.GetValue(_size)),
            CheckpointPath = CheckpointOf(output),
            Key = KeyOf(model, step, data, arguments.GetValue(_preprocess), arguments.GetValue(_size)),
        }, arguments, model);
    }

    private static string CheckpointOf(string output) => output + ".checkpoint";

    /// <summary>Everything that the result depends on: a checkpoint of another run is not continued.</summary>
    private static string KeyOf(string model, RecipeStep step, string? data, string? preprocess, ImageSize? size)
    {
        var content = File.Exists(model) ? SHA256.HashData(File.ReadAllBytes(model)) : Encoding.UTF8.GetBytes(model);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Convert.ToHexString(content)}\n{step}\n{data}\n{preprocess}\n{size}\n{PithVersion.Text}")));
    }

    private static JsonObject FromFile(string? path)
    {
        if (path is null) return [];
        var source = $"The settings '{path}'";
        return SettingsJson.Parse(SettingsJson.ReadFile(path, source), source);
    }
}
