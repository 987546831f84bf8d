namespace Pith.Ops;

/// <summary>Quantized operands as 32-bit integers with their zero points taken off, and the parameters of quantized matrices.</summary>
internal static class IntegerOperand
{
    /// <summary>x - zero point, where an absent zero point is 0 and a vector lies along <paramref name="axis"/>.</summary>
    public static int[] Centered(Tensor x, Tensor? zeroPoint, int axis)
    {
        var values = QuantizeLinear.Integers(x);
        if (zeroPoint is null) return values;
        var (zeroPoints, layout) = (QuantizeLinear.Integers(zeroPoint), new ScaleLayout(x.Shape, zeroPoint.Shape, axis, 0));
        return [.. values.Select((value, i) => value - zeroPoints[layout.IndexOf(i)])];
    }

    /// <summary>x - zero point, where the zero point broadcasts to x.</summary>
    public static int[] CenteredMatrix(Tensor x, Tensor? zeroPoint) => zeroPoint is null
        ? QuantizeLinear.Integers(x)
        : Broadcasting.Map((Tensor<int>)x.ConvertTo(DataType.Int32), (Tensor<int>)zeroPoint.ConvertTo(DataType.Int32), (value, zero) => value - zero).Data;

    /// <summary>A scale or zero point of the left matrix in the form that broadcasts to it: a vector has one element per row.</summary>
    public static Tensor? PerRow(Tensor? parameter) => parameter is { Shape.Rank: 1, Length: > 1 } ? parameter.Reshape(new Shape(parameter.Length, 1)) : parameter;

    /// <summary>Requires operands of 8-bit integers.</summary>
    public static void Check(InferContext context, params ReadOnlySpan<int> operands)
    {
        foreach (var operand in operands)
            if (context.Has(operand) && !context.Type(operand).DataType.IsQuantized()) throw context.Error($"operand {operand} must be int8 or uint8, got {context.Type(operand)}");
    }

    /// <summary>Requires a scale or zero point to have one element, or one for each of <paramref name="count"/> filters.</summary>
    public static void CheckPerFilter(InferContext context, Dim count, params ReadOnlySpan<int> operands)
    {
        foreach (var operand in operands)
        {
            if (!context.Has(operand)) continue;
            var type = context.Type(operand);
            if (type.Rank > 1 || (type.Rank == 1 && type[0] != 1 && !Sizes.MayBeEqual(type[0], count))) throw context.Error($"operand {operand} must have one element, or one for each of {count}, got {type}");
        }
    }

    /// <summary>The operand at <paramref name="index"/>, or null when it is absent.</summary>
    public static Tensor? Optional(IReadOnlyList<Tensor?> inputs, int index) => index < inputs.Count ? inputs[index] : null;
}
