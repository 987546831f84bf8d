using System.Globalization;

namespace Pith.Cli.Reporting;

/// <summary>How numbers of a diagnosis are written for people, the same in the terminal and on the page.</summary>
internal static class DiagnosisText
{
    public static string Decibels(double? error) => error is { } value ? DecibelsOf(Diagnosis.Decibels(value)) : "";

    public static string DecibelsOf(double? decibels) => decibels switch
    {
        null => "",
        double.PositiveInfinity => "equal",
        { } value => value.ToString("0.0", CultureInfo.InvariantCulture),
    };

    public static string Percent(double? share) => share is { } value ? (100 * value).ToString("0.0", CultureInfo.InvariantCulture) + "%" : "";

    public static string Number(double? number) => number is { } value ? value.ToString("0.####", CultureInfo.InvariantCulture) : "";

    /// <summary>The end of a long name, which says more than its beginning.</summary>
    public static string Short(string name, int longest) => name.Length <= longest ? name : "…" + name[^(longest - 1)..];

    /// <summary>Layers by what the network gains with them in float, costliest first; those not measured come last.</summary>
    public static IEnumerable<LayerDiagnosis> ByCost(Diagnosis diagnosis) => diagnosis.Layers.OrderByDescending(layer => layer.Gain ?? double.NegativeInfinity);

    /// <summary>The first activation of a layer, whose error is that of everything before it.</summary>
    public static TensorDiagnosis? InputOf(Diagnosis diagnosis, LayerDiagnosis layer) => diagnosis.Tensors.FirstOrDefault(tensor => layer.Tensors.Contains(tensor.Name));
}
