using System.Globalization;
using System.Runtime.InteropServices;

namespace Pith.Serving;

/// <summary>The classification extension: instead of an output's elements the k largest of each row, as texts <c>value:index</c> or <c>value:index:label</c>.</summary>
internal static class Classification
{
    /// <summary>The classes of each row, the likeliest first; of equal ones the lower index.</summary>
    /// <param name="output">The output as the network gave it.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="classes">How many classes; no more than there are.</param>
    /// <param name="labels">A label for each class; empty for none.</param>
    /// <exception cref="RequestException">Its elements are not numbers in rows.</exception>
    public static ResponseTensor Of(ResponseTensor output, DataType type, int classes, IReadOnlyList<string> labels)
    {
        var rows = output.Shape.Length > 1 ? output.Shape[0] : 1;
        var values = Values(output, type);
        if (rows == 0 || values.Length == 0) throw RequestException.Invalid($"Output '{output.Name}' {TensorSlot.ShapeText(output.Shape)} has no classes.");
        var perRow = (int)(values.Length / rows);
        var count = Math.Min(classes, perRow);
        var texts = new List<string>((int)rows * count);
        for (var row = 0; row < rows; row++)
            foreach (var index in Largest(values.AsSpan(row * perRow, perRow), count)) texts.Add(Text(values[row * perRow + index], index, labels));
        return output with { DataType = WireType.Bytes, Shape = output.Shape.Length > 1 ? [rows, count] : [count], Data = ByteElements.Write(texts) };
    }

    private static string Text(double value, int index, IReadOnlyList<string> labels)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{value:F6}:{index}");
        return index < labels.Count && labels[index].Length > 0 ? $"{text}:{labels[index]}" : text;
    }

    private static int[] Largest(ReadOnlySpan<double> values, int count)
    {
        var order = new int[values.Length];
        for (var i = 0; i < order.Length; i++) order[i] = i;
        // What is not a number comes last.
        var keys = values.ToArray();
        Array.Sort(order, (a, b) => (double.IsNaN(keys[b]), double.IsNaN(keys[a])) switch
        {
            (true, false) => -1,
            (false, true) => 1,
            _ => keys[b].CompareTo(keys[a]) is var descending and not 0 ? descending : a.CompareTo(b),
        });
        return order[..count];
    }

    private static double[] Values(ResponseTensor output, DataType type)
    {
        if (type == DataType.Bool) throw RequestException.Invalid($"Output '{output.Name}' is BOOL, which has no largest classes.");
        var count = output.Data.Length / type.SizeInBytes();
        var tensor = Tensor.Zeros(type, new Shape(count));
        output.Data.CopyTo(tensor.Bytes);
        var values = tensor.ConvertTo(DataType.Float64).As<double>();
        return values.Data;
    }
}
