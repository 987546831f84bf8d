namespace Pith.Ops;

/// <summary>Lists of integers (axes, split sizes) that were an attribute in old opsets and are an operand since; an attribute in Pith.</summary>
internal static class AxesOperand
{
    /// <summary>The list, from wherever the file's opset has it; empty when absent.</summary>
    /// <param name="reader">The node.</param>
    /// <param name="index">The operand of newer opsets.</param>
    /// <param name="since">The first opset that has the operand.</param>
    /// <param name="name">The attribute of older opsets.</param>
    public static ValueList<int> Read(OpReader reader, int index, int since, string name = "axes")
    {
        if (reader.Opset < since) return reader.Ints(name) ?? [];
        return reader.TakeInput(index) is { } operand ? operand.ToInt64s().Select(value => value is >= int.MinValue and <= int.MaxValue ? (int)value : throw reader.Error($"operand {index} ({name}) has the element {value}, which does not fit 32 bits")).ToValueList() : [];
    }

    /// <summary>Writes the list the way the target opset has it; an empty list is left out.</summary>
    public static void Write(OpWriter writer, ValueList<int> values, int index, int since, string name = "axes")
    {
        if (values.Count == 0) return;
        if (writer.Opset < since) writer.Ints(name, values);
        else writer.Input(index, Tensor.Vector<long>([.. values.Select(value => (long)value)]));
    }
}
