namespace Pith.Models;

/// <summary>What can be chosen about a network of the catalog; null takes the catalog's value.</summary>
public sealed record ModelOptions
{
    /// <summary>The number of classes.</summary>
    public int? Classes { get; init; }

    /// <summary>The height and width of the images in pixels, or the tokens of a sequence.</summary>
    public int? Resolution { get; init; }

    /// <summary>The channels of the first stage or of a token; only for networks that have <see cref="ModelDescription.Width"/>.</summary>
    public int? Width { get; init; }

    /// <summary>The seed of the initial parameters.</summary>
    public int Seed { get; init; }
}
