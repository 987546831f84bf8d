using System.Globalization;

namespace Pith.Models;

/// <summary>How images become the input of a built-in network, as those who published it do it.</summary>
internal sealed record ModelInput
{
    private const string MetadataKey = "pith.preprocessing";

    /// <summary>torchvision's networks: shorter side to 256 for a crop of 224, mean and deviation of ImageNet.</summary>
    public static ModelInput ImageNet { get; } = new();

    /// <summary>Networks of Keras in its mode "tf": stretched, -1 to 1.</summary>
    public static ModelInput Keras { get; } = new() { Resize = null, Mean = "[0.5,0.5,0.5]", Std = "[0.5,0.5,0.5]" };

    /// <summary>CIFAR-10: as it is.</summary>
    public static ModelInput Cifar { get; } = new() { Resize = 32 };

    /// <summary>The length of the shorter side before the crop, at the network's own resolution; null stretches the image to the resolution.</summary>
    public int? Resize { get; init; } = 256;

    /// <summary>The filter of resizing.</summary>
    public string Filter { get; init; } = "bilinear";

    private string Mean { get; init; } = "[0.485,0.456,0.406]";

    private string Std { get; init; } = "[0.229,0.224,0.225]";

    /// <summary>Writes it into the metadata of a network, for another resolution than the network's own in proportion.</summary>
    /// <param name="graph">Changed.</param>
    /// <param name="own">The network's own resolution in pixels.</param>
    /// <param name="chosen">Height and width of the graph's images in pixels.</param>
    public void WriteTo(Graph graph, int own, int chosen)
    {
        var resize = Resize is { } side ? (int)Math.Round((double)side * chosen / own) : chosen;
        var rest = $"{(Resize is null ? ",\"stretch\":true" : "")}{(Filter == "bilinear" ? "" : $",\"filter\":\"{Filter}\"")}";
        graph.Metadata[MetadataKey] = string.Create(CultureInfo.InvariantCulture, $"{{\"resize\":{resize},\"crop\":{chosen},\"scale\":{1.0 / 255:R},\"mean\":{Mean},\"std\":{Std}{rest}}}");
    }
}
