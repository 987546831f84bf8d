using Pith.Models;

namespace Pith.Compression.Recipes;

/// <summary>What a recipe starts from: a file, or one of the built-in networks with the weights of a file or seeded random ones.</summary>
public sealed record ModelSource
{
    /// <summary>An ONNX file; null when <see cref="Builder"/> is given.</summary>
    public string? File { get; init; }

    /// <summary>The name of a built-in network; null when <see cref="File"/> is given.</summary>
    public string? Builder { get; init; }

    /// <summary>Classes of a built-in network.</summary>
    public int Classes { get; init; } = 10;

    /// <summary>The height and width of a built-in network's images in pixels, or the tokens of its sequences; null: the usual size.</summary>
    public int? Resolution { get; init; }

    /// <summary>The channels of the first stage or of a token, of built-in networks where they can be chosen; null: the usual number.</summary>
    public int? Width { get; init; }

    /// <summary>A file with the trained weights of the built-in network (<see cref="Weights.WeightFile"/>); null: they are random.</summary>
    public string? Weights { get; init; }

    /// <summary>Decides the random weights of a built-in network.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>What the other steps call it.</summary>
    public string Stage { get; init; } = "";

    /// <summary>The stage's name: as given, else <c>dense</c> for trained weights and <c>initial</c> for random ones.</summary>
    internal string StageName => Stage.Length > 0 ? Stage : IsTrained ? "dense" : "initial";

    /// <summary>Whether its weights come from a file, so that there is something to report.</summary>
    internal bool IsTrained => File is not null || Weights is not null;

    /// <summary>Loads or builds the model.</summary>
    /// <param name="events">Receives a <see cref="Warning"/> for what was passed over in a file of weights.</param>
    /// <exception cref="PithException">A file is not there, damaged or of another network, or there is no such network.</exception>
    internal Graph Open(IProgress<PithEvent>? events) => File is { } path
        ? OnnxModel.Load(path)
        : BuiltInModel.Build(Builder!, new ModelOptions { Classes = Classes, Resolution = Resolution, Width = Width, Seed = Seed }, Weights, events);

    /// <exception cref="PithException">Not exactly one of file and builder is given, or a number is out of range.</exception>
    internal void Check()
    {
        if (File is null == Builder is null) throw new PithException("expected exactly one of 'file' (an ONNX model) and 'builder' (a built-in network).");
        if (Weights is not null && Builder is null) throw new PithException("'weights' are those of a built-in network ('builder'); an ONNX file has its own.");
        FieldRange.Require("classes", Classes, 2, 100_000);
    }
}
