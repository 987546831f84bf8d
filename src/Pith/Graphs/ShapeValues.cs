namespace Pith;

/// <summary>The elements of small integer tensors as dimensions, the currency of shape arithmetic during inference. An element is right for the tensor's type, or the content is not known (null).</summary>
internal static class ShapeValues
{
    // Long enough for any shape or axes operand; index tables and weights are not shapes.
    public const int LongestShape = 64;

    public static ValueList<Dim>? Of(Tensor tensor)
    {
        if (tensor.DataType is not (DataType.Int64 or DataType.Int32) || tensor.Shape.Rank > 1 || tensor.Length > LongestShape) return null;
        return tensor.ToInt64s().Select(Dim.Of).ToValueList();
    }

    /// <summary>The elements of a broadcast combination of two vectors or scalars, or null when an operand or one of the results is not known.</summary>
    public static ValueList<Dim>? Combine(ValueList<Dim>? left, ValueList<Dim>? right, Func<Dim, Dim, Dim?> combine)
    {
        if (left is not { Count: > 0 } a || right is not { Count: > 0 } b || (a.Count != b.Count && a.Count != 1 && b.Count != 1)) return null;
        var content = new Dim[Math.Max(a.Count, b.Count)];
        try
        {
            for (var i = 0; i < content.Length; i++)
            {
                if (combine(a[a.Count == 1 ? 0 : i], b[b.Count == 1 ? 0 : i]) is not { } dim) return null;
                content[i] = dim;
            }
        }
        catch (Exception failure) when (failure is PithException or OverflowException)
        {
            // Arithmetic on ordinary integers wraps where that on sizes must not.
            return null;
        }
        return ValueList.Create<Dim>(content);
    }

    /// <summary><paramref name="content"/> as the elements of a tensor of this type; null when one of them would not be itself there.</summary>
    public static ValueList<Dim>? As(ValueList<Dim> content, DataType type) => type switch
    {
        DataType.Int64 => content,
        DataType.Int32 => content.All(dim => !dim.IsFixed || dim.Value is >= int.MinValue and <= int.MaxValue) ? content : null,
        DataType.Bool => content.All(dim => dim == 0 || dim == 1) ? content : null,
        _ => null,
    };
}
