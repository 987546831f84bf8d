using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>One tensor in a line: what it is, and the range of its finite elements.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Short name of the element type.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Min">The least finite element; null when there is none.</param>
/// <param name="Mean">The mean of the finite elements; null when there is none.</param>
/// <param name="Max">The largest finite element; null when there is none.</param>
/// <param name="NonFinite">Elements that are NaN or infinite.</param>
/// <param name="File">Where it was written; null when it was not.</param>
internal sealed record TensorSummary(string Name, string Type, IReadOnlyList<int> Shape, double? Min, double? Mean, double? Max, int NonFinite, string? File)
{
    public static TensorSummary Of(string name, Tensor tensor, string? file)
    {
        var (min, max, sum, count) = (double.PositiveInfinity, double.NegativeInfinity, 0d, 0);
        var elements = tensor.ConvertTo(DataType.Float64).As<double>().Data;
        foreach (var element in elements)
        {
            if (!double.IsFinite(element)) continue;
            (min, max) = (Math.Min(min, element), Math.Max(max, element));
            sum += element;
            count++;
        }
        var any = count > 0;
        return new TensorSummary(name, tensor.DataType.ShortName(), tensor.Shape.Dims, any ? min : null, any ? sum / count : null, any ? max : null, elements.Length - count, file);
    }

    /// <summary>The share of elements that are 0.</summary>
    public static double ZeroShare(Tensor tensor) => tensor.Length == 0 ? 0 : (double)tensor.ConvertTo(DataType.Float64).As<double>().Span.Count(0.0) / tensor.Length;

    public static void Draw(IAnsiConsole console, IReadOnlyList<TensorSummary> tensors)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("output", "type", "shape");
        foreach (var title in (string[])["min", "mean", "max", "not finite"]) table.AddColumn(new TableColumn(title).RightAligned());
        foreach (var tensor in tensors)
        {
            string[] cells = [tensor.Name, tensor.Type, $"[{string.Join(",", tensor.Shape)}]", Text(tensor.Min), Text(tensor.Mean), Text(tensor.Max), tensor.NonFinite.ToString(CultureInfo.InvariantCulture)];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
    }

    private static string Text(double? number) => number is { } value ? value.ToString("G7", CultureInfo.InvariantCulture) : "";
}
