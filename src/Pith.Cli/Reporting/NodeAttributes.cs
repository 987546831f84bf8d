using System.Globalization;

namespace Pith.Cli.Reporting;

/// <summary>The attributes of a node as text, as the newest opset spells them.</summary>
internal static class NodeAttributes
{
    private const int NewestOpset = 21, ShownElements = 16;

    public static IReadOnlyList<(string Name, string Text)> Of(Node node)
    {
        var writer = new OpWriter(NewestOpset, [.. node.Inputs.Select(input => input?.Type)]);
        try
        {
            node.Op.Write(writer);
            return [.. writer.Attributes.Select(attribute => (attribute.Key, Text(attribute.Value)))];
        }
        catch (PithException)
        {
            // It has no form in a file; the op prints itself.
            return [("op", node.Op.ToString())];
        }
    }

    /// <summary>All elements of a small tensor; null for an empty or a larger one.</summary>
    public static string? Elements(Tensor tensor) => tensor.Length is 0 or > ShownElements ? null
        : string.Join(", ", tensor.ConvertTo(DataType.Float64).As<double>().Data.Select(element => element.ToString("G6", CultureInfo.InvariantCulture)));

    private static string Text(object value) => value switch
    {
        long[] numbers => $"[{string.Join(", ", numbers)}]",
        Tensor tensor when Elements(tensor) is { } elements => $"{tensor}: {elements}",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
