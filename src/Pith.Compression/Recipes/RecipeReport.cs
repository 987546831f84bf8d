namespace Pith.Compression.Recipes;

/// <summary>Everything that a recipe run found out: what the HTML report draws, the terminal prints and <c>report.json</c> holds (snake_case).</summary>
public sealed record RecipeReport
{
    /// <summary>The recipe's name.</summary>
    public required string Recipe { get; init; }

    /// <summary>The version of Pith.</summary>
    public required string PithVersion { get; init; }

    /// <summary>When the report was made.</summary>
    public required DateTimeOffset Finished { get; init; }

    /// <summary>Processor, instruction sets and threads, in words.</summary>
    public required string Machine { get; init; }

    /// <summary>Threads of every engine measured.</summary>
    public required int Threads { get; init; }

    /// <summary>The data that the models were trained on; as in the recipe.</summary>
    public string? TrainingData { get; init; }

    /// <summary>The data that models and epochs were chosen on; as in the recipe.</summary>
    public string? ValidationData { get; init; }

    /// <summary>The data that every accuracy here is measured on, and nothing else was.</summary>
    public required string TestData { get; init; }

    /// <summary>The stage that the others are compared with: the first one reported.</summary>
    public required string Baseline { get; init; }

    /// <summary>The stages, in the order of the recipe.</summary>
    public required IReadOnlyList<StageResult> Stages { get; init; }

    /// <summary>Wall-clock seconds of this run: steps, evaluation and measurement.</summary>
    public required double Seconds { get; init; }
}
