namespace Pith.Models;

/// <summary>One network of the <see cref="ModelCatalog"/>.</summary>
public sealed record ModelDescription
{
    private const int LargestResolution = 8192;
    private readonly Func<ModelDescription, int, Graph> _build;

    // build takes the description with the chosen values in place of its own, and the seed.
    internal ModelDescription(Func<ModelDescription, int, Graph> build) => _build = build;

    /// <summary>The name that <c>pith models</c> knows it by.</summary>
    public required string Name { get; init; }

    /// <summary>What it is, in one line.</summary>
    public required string Description { get; init; }

    /// <summary>The height and width of its images in pixels, or the tokens of its sequences, unless chosen otherwise.</summary>
    public required int Resolution { get; init; }

    /// <summary>The number of classes, unless chosen otherwise.</summary>
    public required int Classes { get; init; }

    /// <summary>The channels of the first stage or of a token, for networks where they can be chosen; else null.</summary>
    public int? Width { get; init; }

    /// <summary>Whether it takes sequences of token ids [N, T] (int64) instead of images.</summary>
    public bool TakesTokens { get; init; }

    /// <summary>The sizes of one input: 3 channels, height and width; or the tokens of a sequence.</summary>
    public ValueList<int> InputSizes => TakesTokens ? [Resolution] : [3, Resolution, Resolution];

    /// <summary>How images become the input.</summary>
    internal ModelInput Input { get; init; } = ModelInput.ImageNet;

    /// <summary>
    /// The network with fresh parameters. Input <c>input</c> [N, 3, resolution, resolution] or <c>input_ids</c> [N, tokens], output <c>logits</c> [N, classes]; batch normalisations are nodes of
    /// their own. Metadata say how images become the input. The same options give the same parameters on every machine.
    /// </summary>
    /// <exception cref="PithException">An option does not fit the network.</exception>
    public Graph Build(ModelOptions? options = null)
    {
        options ??= new ModelOptions();
        if (options.Width is not null && Width is null) throw new PithException($"Model '{Name}' has a fixed width; a width can be chosen for {string.Join(", ", ModelCatalog.All.Where(model => model.Width is not null).Select(model => model.Name))}.");
        var chosen = this with { Classes = options.Classes ?? Classes, Resolution = options.Resolution ?? Resolution, Width = options.Width ?? Width };
        if (chosen.Classes < 1) throw new PithException($"Model '{Name}': the number of classes must be positive, got {chosen.Classes}.");
        if (chosen.Resolution is < 1 or > LargestResolution) throw new PithException($"Model '{Name}': the resolution must be 1 to {LargestResolution}, got {chosen.Resolution}.");
        if (chosen.Width is < 1) throw new PithException($"Model '{Name}': the width must be positive, got {chosen.Width}.");
        var graph = _build(chosen, options.Seed);
        if (!TakesTokens) Input.WriteTo(graph, Resolution, chosen.Resolution);
        return graph;
    }
}
