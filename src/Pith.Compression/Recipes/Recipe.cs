using System.Text.Json.Nodes;
using Pith.Benchmarking;

namespace Pith.Compression.Recipes;

/// <summary>One step of a recipe with its place in the chain.</summary>
/// <param name="Name">The stage that the step makes; also the name of its files.</param>
/// <param name="From">The stage that it starts from.</param>
/// <param name="Step">The work and its settings.</param>
/// <param name="Report">Whether the stage is evaluated, measured and reported.</param>
public sealed record RecipeStage(string Name, string From, RecipeStep Step, bool Report);

/// <summary>
/// A whole compression run as data: a model, data, and steps, each of which makes a named stage out of an earlier one. Read from JSON in which comments are allowed.
/// Immutable. Run it with <see cref="RecipeRunner"/>.
/// </summary>
public sealed record Recipe
{
    private const int MaxStages = 100;

    /// <summary>What the report calls it.</summary>
    public required string Name { get; init; }

    /// <summary>What the recipe starts from.</summary>
    public required ModelSource Model { get; init; }

    /// <summary>What it trains, calibrates, chooses and is judged on.</summary>
    public required RecipeData Data { get; init; }

    /// <summary>How engines are timed for the report.</summary>
    public required BenchmarkSettings Benchmark { get; init; }

    /// <summary>The steps, in order.</summary>
    public required ValueList<RecipeStage> Stages { get; init; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="PithException">The file cannot be read, or the recipe is wrong; the message says where and what is expected.</exception>
    public static Recipe Load(string path)
    {
        var source = $"The recipe '{path}'";
        return Parse(SettingsJson.ReadFile(path, source), source);
    }

    /// <summary>A recipe that comes with Pith.</summary>
    /// <param name="name">Its name: <c>demo</c>.</param>
    /// <exception cref="PithException">There is none of that name.</exception>
    public static Recipe Builtin(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        using var stream = typeof(Recipe).Assembly.GetManifestResourceStream($"Recipes/{name}.json") ?? throw new PithException($"There is no built-in recipe '{name}'.");
        using var reader = new StreamReader(stream);
        return Parse(reader.ReadToEnd(), $"The built-in recipe '{name}'");
    }

    /// <summary>Reads a text.</summary>
    /// <param name="text">The JSON.</param>
    /// <param name="source">What to call it at the start of messages.</param>
    /// <exception cref="PithException">The recipe is wrong; the message says where and what is expected.</exception>
    public static Recipe Parse(string text, string source)
    {
        ArgumentNullException.ThrowIfNull(text);
        var json = SettingsJson.Parse(text, source);
        string[] known = ["name", "model", "data", "benchmark", "steps"];
        foreach (var (field, _) in json)
            if (!known.Contains(field)) throw SettingsJson.UnknownField(source, field, known);
        var model = Section(json, "model", new ModelSource(), source, section => section.Check());
        var data = Section(json, "data", new RecipeData(), source, CheckData);
        return new Recipe
        {
            Name = SettingsJson.Text(json, "name", source) ?? throw new PithException($"{source}: expected 'name', what the report is to be called."),
            Model = model,
            Data = data,
            Benchmark = Section(json, "benchmark", new BenchmarkSettings(), source, section => section.Check()),
            Stages = ReadStages(json, model.StageName, data, source),
        };
    }

    private static T Section<T>(JsonObject json, string name, T defaults, string source, Action<T> check) where T : class
    {
        var where = $"{source}, '{name}'";
        var fields = json[name] switch
        {
            null => [],
            JsonObject section => section,
            _ => throw new PithException($"{where}: expected an object in braces."),
        };
        var value = SettingsJson.Read(fields, defaults, where);
        try
        {
            check(value);
        }
        catch (PithException invalid)
        {
            throw new PithException($"{where}: {invalid.Message}", invalid);
        }
        return value;
    }

    private static void CheckData(RecipeData data)
    {
        if (data.Test.Length == 0) throw new PithException("expected 'test', the data that accuracies are measured on.");
        if (data.Test == data.Train || data.Test == data.Validation) throw new PithException($"'test' must be data that nothing else uses, got '{data.Test}' twice.");
        if (data.Train is not null && data.Train == data.Validation) throw new PithException($"'validation' must not be the training data, got '{data.Train}' twice.");
    }

    private static ValueList<RecipeStage> ReadStages(JsonObject json, string start, RecipeData data, string source)
    {
        if (json["steps"] is not JsonArray { Count: > 0 and <= MaxStages } array) throw new PithException($"{source}, 'steps': expected a list of 1 to {MaxStages} steps.");
        var names = new List<string> { start };
        RequireName(start, $"{source}, 'model'");
        var stages = new List<RecipeStage>();
        foreach (var item in array)
        {
            var where = $"{source}, step {stages.Count + 1}";
            if (item is not JsonObject fields) throw new PithException($"{where}: expected an object in braces.");
            var stage = ReadStage((JsonObject)fields.DeepClone(), names, where);
            if (stage.Step.ReadsTrainingData && data.Train is null) throw new PithException($"{where} ('{stage.Name}') needs training data; expected 'train' in 'data'.");
            if (stage.Step.NeedsValidationData && data.Validation is null) throw new PithException($"{where} ('{stage.Name}') needs validation data; expected 'validation' in 'data'.");
            names.Add(stage.Name);
            stages.Add(stage);
        }
        return stages.ToValueList();
    }

    private static RecipeStage ReadStage(JsonObject fields, List<string> earlier, string where)
    {
        var kind = SettingsJson.Text(fields, "step", where) ?? throw new PithException($"{where}: expected 'step', one of: {string.Join(", ", StepCatalog.All.Select(known => known.Kind))}.");
        var defaults = StepCatalog.All.FirstOrDefault(known => known.Kind == kind)
            ?? throw new PithException($"{where}: there is no step '{kind}'. {ClosestNames.Suggestion(kind, StepCatalog.All.Select(known => known.Kind))}");
        var name = SettingsJson.Text(fields, "name", where) ?? kind;
        RequireName(name, where);
        if (earlier.Contains(name, StringComparer.OrdinalIgnoreCase)) throw new PithException($"{where}: there is a stage '{name}' already; give this one another 'name'.");
        var from = SettingsJson.Text(fields, "from", where) ?? earlier[^1];
        RequireStage(from, earlier, $"{where}, 'from'");
        var report = SettingsJson.Flag(fields, "report", where) ?? true;

        foreach (var own in new[] { "step", "name", "from", "report" }) fields.Remove(own);
        var step = defaults.Read(fields, $"{where} ('{name}')");
        if (step.Trains?.Teacher is { } teacher) RequireStage(teacher, earlier, $"{where} ('{name}'), 'teacher'");
        return new RecipeStage(name, from, step, report);
    }

    private static void RequireStage(string name, List<string> earlier, string where)
    {
        if (!earlier.Contains(name)) throw new PithException($"{where}: there is no earlier stage '{name}'. {ClosestNames.Suggestion(name, earlier)}");
    }

    /// <summary>Stage names become file names, on every system.</summary>
    private static void RequireName(string name, string where)
    {
        if (name.Length is < 1 or > 60 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') || name[0] == '.')
            throw new PithException($"{where}: a stage's name is 1 to 60 letters, digits, dots, '-' and '_' and does not start with a dot, got '{name}'.");
    }
}
