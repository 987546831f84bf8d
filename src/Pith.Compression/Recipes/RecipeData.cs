using Pith.Compression.Data;

namespace Pith.Compression.Recipes;

/// <summary>The data of a recipe, each part as a dataset specification. Training data trains and calibrates, validation data chooses, test data is only ever measured on.</summary>
public sealed record RecipeData
{
    /// <summary>For training, fine-tuning and calibration; null when no step needs it.</summary>
    public string? Train { get; init; }

    /// <summary>For choosing between epochs; null when no step needs it.</summary>
    public string? Validation { get; init; }

    /// <summary>For the numbers of the report.</summary>
    public string Test { get; init; } = "";

    /// <summary>How images become the network's input; in JSON a name of <see cref="PreprocessingCatalog"/> or an object. Null: what the model's metadata says, or else what is usual for the test data.</summary>
    public Preprocessing? Preprocess { get; init; }
}
