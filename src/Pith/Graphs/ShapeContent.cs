namespace Pith;

/// <summary>The elements of small integer tensors as dimensions, the currency of shape arithmetic during inference.</summary>
internal static class ShapeContent
{
    // Long enough for any shape or axes operand; index tables and weights are not shapes.
    public const int LongestShape = 64;

    public static ValueList<Dim>? Of(Tensor tensor)
    {
        if (tensor.DataType is not (DataType.Int64 or DataType.Int32) || tensor.Shape.Rank > 1 || tensor.Length > LongestShape) return null;
        var numbers = tensor.ToInt64s();
        return numbers.All(number => number is >= int.MinValue and <= int.MaxValue)
            ? numbers.Select(number => Dim.Of((int)number)).ToValueList()
            : null;
    }
}
