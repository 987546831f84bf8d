using Pith.Ops;

namespace Pith;

/// <summary>
/// The way of a weight from the constant that a file stores to the layer that reads it: quantization, conversions between float types, and ops that only move elements. Exporters write a Transpose, an
/// Identity or a Reshape between the two, and a Cast in mixed-precision networks.
/// </summary>
internal static class WeightPath
{
    /// <summary>True when <paramref name="node"/> passes the elements of its operand 0 on, one for one, and zeros as zeros.</summary>
    public static bool IsStep(Node node) => node.Op switch
    {
        QuantizeLinear or DequantizeLinear or Transpose or Identity => true,
        _ when IsReshape(node) => true,
        Pith.Ops.Cast or CastLike => node.Inputs[0]!.Type.DataType.IsFloat() && node.Output.Type.DataType.IsFloat(),
        _ => false,
    };

    /// <summary>The constant that <paramref name="value"/> is or comes from; null when it is computed from something else.</summary>
    public static Value? Origin(Value? value)
    {
        while (value is { Constant: null, Producer: { } producer } && IsStep(producer)) value = producer.Inputs[0];
        return value?.Constant is null ? null : value;
    }

    /// <summary>The elements of <paramref name="value"/> as its reader sees them; null when they, or an operand on their way (a scale, a shape), are not constant.</summary>
    public static Tensor? Evaluate(Value value)
    {
        if (value.Constant is { } constant) return constant;
        if (value.Producer is not { } node || !IsStep(node)) return null;
        var operands = node.Inputs.Select(input => input is null ? null : Evaluate(input)).ToArray();
        return operands.Where((operand, i) => operand is null && node.Inputs[i] is not null).Any() ? null : node.Op.Evaluate(operands, 1)[0];
    }

    /// <summary>The first node that reads <paramref name="constant"/>, perhaps after other steps, and is not one of <paramref name="known"/>; null when there is none.</summary>
    public static Node? OtherReader(Value constant, Func<Use, bool> known)
    {
        foreach (var use in constant.Uses)
        {
            var other = use.Index == 0 && IsStep(use.Node) ? OtherReader(use.Node.Output, known) : known(use) ? null : use.Node;
            if (other is not null) return other;
        }
        return null;
    }

    /// <summary>
    /// Where the axis that <paramref name="layout"/> names in <paramref name="value"/> lies in the constant that the value comes from; null when a Transpose takes the axis apart, so that neighbours along it have no
    /// common distance there.
    /// </summary>
    public static ReductionLayout? AtOrigin(Value value, ReductionLayout layout)
    {
        while (value.Producer is { } node)
        {
            // Everything but a Transpose keeps the row-major order of the elements.
            if (node.Op is Transpose transpose)
            {
                var rank = value.Type.Rank;
                if (BeforeTranspose(layout, value.Type.ToShape(), [.. transpose.PermutationOf(rank)]) is not { } before) return null;
                layout = before;
            }
            value = node.Inputs[0]!;
        }
        return layout;
    }

    private static bool IsReshape(Node node) => node.Op is Reshape or Flatten or Squeeze or Unsqueeze;

    private static ReductionLayout? BeforeTranspose(ReductionLayout layout, Shape shape, int[] permutation)
    {
        if (Pieces(layout, shape) is not { } pieces) return null;
        // The axes in the order in which the operand of the Transpose has them.
        var before = pieces.OrderBy(piece => permutation[piece.Axis]).ToArray();
        var reduced = before.Index().Where(piece => piece.Item.Part == 1).ToArray();
        if (reduced.Length == 0) return new ReductionLayout(1, 1, layout.Length);
        var (first, last) = (reduced[0].Index, reduced[^1].Index);
        var inOrder = pieces.Where(piece => piece.Part == 1);
        if (last - first + 1 != reduced.Length || !reduced.Select(piece => piece.Item).SequenceEqual(inOrder)) return null;
        return new ReductionLayout(Product(before[..first]), layout.Reduction, Product(before[(last + 1)..]));
    }

    private static int Product(IEnumerable<(int Axis, int Part, int Size)> pieces) => pieces.Aggregate(1, (product, piece) => product * piece.Size);

    /// <summary>The axes of <paramref name="shape"/>, cut where the reduction begins and ends; each piece lies before (0), in (1) or after (2) it. Axes of size 1 are left out. Null when a cut falls between elements of an axis.</summary>
    private static List<(int Axis, int Part, int Size)>? Pieces(ReductionLayout layout, Shape shape)
    {
        int[] parts = [layout.Outer, layout.Reduction, layout.Inner];
        if (parts.Contains(0)) return null;
        var pieces = new List<(int, int, int)>();
        var part = 0;
        for (var axis = 0; axis < shape.Rank; axis++)
            for (var size = shape[axis]; size > 1;)
            {
                while (parts[part] == 1) part++;
                var taken = Math.Min(size, parts[part]);
                if (size % taken != 0 || parts[part] % taken != 0) return null;
                pieces.Add((axis, part, taken));
                (size, parts[part]) = (size / taken, parts[part] / taken);
            }
        return pieces;
    }
}
