namespace Pith.Compression.Quantization;

/// <summary>All calibrators. A new one is a record beside these and a line in <see cref="All"/>: command line, recipes, help and tests follow.</summary>
public static class CalibratorCatalog
{
    /// <summary>Every calibrator with its default parameter, in the order in which help lists them.</summary>
    public static ValueList<Calibrator> All { get; } =
    [
        new AutoCalibrator(),
        new MaxCalibrator(),
        new PercentileCalibrator(),
        new MseCalibrator(),
        new EntropyCalibrator(),
    ];

    /// <summary>The calibrator called <paramref name="text"/>, which is a name or a name, a colon and a parameter: <c>percentile:99.9</c>.</summary>
    /// <exception cref="PithException">No calibrator has that name, or it cannot take that parameter.</exception>
    public static Calibrator Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? text : text[..colon];
        foreach (var calibrator in All)
        {
            if (calibrator.Name != name) continue;
            return colon < 0 ? calibrator : calibrator.WithArgument(text[(colon + 1)..]);
        }
        throw new PithException($"There is no calibrator '{name}'. Choose one of: {string.Join(", ", All.Select(c => c.Name))}.");
    }
}
