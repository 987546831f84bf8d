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

    /// <summary>The elements of a broadcast combination of two vectors or scalars, or null when an operand or one of the results is not known.</summary>
    public static ValueList<Dim>? Combine(ValueList<Dim>? left, ValueList<Dim>? right, Func<Dim, Dim, Dim?> combine)
    {
        if (left is not { Count: > 0 } a || right is not { Count: > 0 } b || (a.Count != b.Count && a.Count != 1 && b.Count != 1)) return null;
        var content = new Dim[Math.Max(a.Count, b.Count)];
        for (var i = 0; i < content.Length; i++)
        {
            if (combine(a[a.Count == 1 ? 0 : i], b[b.Count == 1 ? 0 : i]) is not { } dim) return null;
            content[i] = dim;
        }
        return ValueList.Create<Dim>(content);
    }
}
