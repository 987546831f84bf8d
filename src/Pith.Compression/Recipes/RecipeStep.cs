using System.Text.Json.Nodes;

namespace Pith.Compression.Recipes;

/// <summary>
/// One kind of work of a recipe with its settings; the verbs of the command line are the same steps, one at a time. Immutable, value-equal.
/// In JSON the fields of its settings stand side by side.
/// </summary>
public abstract record RecipeStep
{
    /// <summary>The word that names the step in a recipe and on the command line.</summary>
    public abstract string Kind { get; }

    /// <summary>Makes a new model out of <paramref name="graph"/>, which is not changed.</summary>
    /// <exception cref="PithException">The step cannot be done on this model, or with this data.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled; a checkpoint is kept where the context has a place for it.</exception>
    public abstract StepOutcome Apply(Graph graph, StepContext context);

    /// <summary>What recipes and the command line call: applies the step, checks that pruned layers kept their pattern, and notes in the new model's metadata how it was made.</summary>
    /// <exception cref="PithException">As <see cref="Apply"/>; or a pruned layer lost its pattern.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public StepOutcome Run(Graph graph, StepContext context)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(context);
        var outcome = Apply(graph, context);
        SparsityRecord.Verify(outcome.Graph, $"step '{context.Stage}'");
        // Pruning what is pruned already, for instance, gives the same model again, made as it was made.
        if (!Provenance.IsSame(graph, outcome.Graph)) Provenance.Of(outcome.Training is { } training ? WithPrecision(training.Precision) : this, graph, context, outcome).AddTo(graph, outcome.Graph, context.Events);
        return outcome;
    }

    /// <summary>Checks the ranges of all fields.</summary>
    /// <exception cref="PithException">A field is out of range.</exception>
    public abstract void Check();

    /// <summary>The records that hold the step's settings. No two have a field of the same name.</summary>
    internal abstract IReadOnlyList<object> Parts { get; }

    /// <summary>This step with other settings: records of the same types as <see cref="Parts"/>, in the same order.</summary>
    internal abstract RecipeStep With(IReadOnlyList<object> parts);

    /// <summary>This step with another precision of training.</summary>
    internal RecipeStep WithPrecision(TrainingPrecision precision) => With([.. Parts.Select(part => part is TrainingSettings training ? training with { Precision = precision } : part)]);

    /// <summary>How the step trains; null when it does not.</summary>
    internal TrainingSettings? Trains => Parts.OfType<TrainingSettings>().FirstOrDefault();

    /// <summary>Whether the processes that mpirun starts share the step's work; otherwise the first one does it.</summary>
    internal virtual bool SpreadsOverRanks => Trains is not null;

    /// <summary>Whether the step needs training data.</summary>
    internal virtual bool ReadsTrainingData => Trains is not null;

    /// <summary>Whether the step reads validation data where there is some.</summary>
    internal virtual bool ReadsValidationData => NeedsValidationData;

    /// <summary>Whether the step cannot do without validation data.</summary>
    internal bool NeedsValidationData => Trains is { Validation: not ValidationMode.None };

    /// <summary>The settings as JSON, defaults included.</summary>
    internal JsonObject ToJson()
    {
        var fields = new JsonObject();
        foreach (var part in Parts)
            foreach (var (name, value) in SettingsJson.Write(part)) fields.Add(name, value?.DeepClone());
        return fields;
    }

    /// <summary>This step with the fields of <paramref name="fields"/> and, where it has none, its own.</summary>
    /// <param name="fields">The settings as in a recipe.</param>
    /// <param name="where">What is read, for messages.</param>
    /// <exception cref="PithException">A field does not exist, is of the wrong kind or out of range.</exception>
    public RecipeStep Read(JsonObject fields, string where)
    {
        var names = Parts.Select(SettingsJson.FieldNames).ToArray();
        foreach (var (name, _) in fields)
            if (!names.Any(known => known.Contains(name))) throw SettingsJson.UnknownField(where, name, names.SelectMany(known => known));
        var step = With([.. Parts.Select((part, i) => SettingsJson.Read(Only(fields, names[i]), part, where))]);
        try
        {
            step.Check();
        }
        catch (PithException invalid)
        {
            throw new PithException($"{where}: {invalid.Message}", invalid);
        }
        return step;
    }

    private static JsonObject Only(JsonObject fields, IReadOnlySet<string> names) =>
        new(fields.Where(field => names.Contains(field.Key)).Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
}
