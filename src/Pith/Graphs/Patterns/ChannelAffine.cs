using Pith.Ops;

namespace Pith;

/// <summary>What inference-mode batch norm, and a multiplication or addition of one constant per channel, compute: y = x * scale[c] + shift[c].</summary>
public sealed class ChannelAffine
{
    private ChannelAffine(double[] scale, double[] shift)
    {
        Scale = scale;
        Shift = shift;
    }

    /// <summary>One factor per channel.</summary>
    public IReadOnlyList<double> Scale { get; }

    /// <summary>One summand per channel.</summary>
    public IReadOnlyList<double> Shift { get; }

    /// <summary>True when every factor is 1.</summary>
    public bool IsShiftOnly => Scale.All(factor => factor == 1);

    /// <summary>False when a factor or a summand is NaN or infinite: then the order of the operations matters.</summary>
    public bool IsFinite => Scale.All(double.IsFinite) && Shift.All(double.IsFinite);

    /// <summary>Batch norm whose parameters are all constant; null in training mode.</summary>
    public static ChannelAffine? OfBatchNorm(Node node, BatchNormalization op)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(op);
        if (op.TrainingMode || node.Outputs.Count > 1) return null;
        if (node.Inputs.Skip(1).Any(input => input?.Constant is null)) return null;
        var (gamma, beta, mean, variance) = (Real(node, 1), Real(node, 2), Real(node, 3), Real(node, 4));
        var scale = gamma.Zip(variance, (factor, spread) => factor / Math.Sqrt(spread + op.Epsilon)).ToArray();
        return new ChannelAffine(scale, [.. scale.Select((factor, c) => beta[c] - mean[c] * factor)]);
    }

    /// <summary>
    /// An element-wise op on <paramref name="data"/> and a constant that is the same all over a channel (axis 1); null for anything else.
    /// </summary>
    internal static ChannelAffine? OfElementwise(Node node, Value data)
    {
        if (node.Inputs.Count != 2 || node.Output.Type != data.Type || data.Type.Rank < 2 || !data.Type[1].IsFixed) return null;
        var isLeft = ReferenceEquals(node.Inputs[0], data);
        if (node.Inputs[isLeft ? 1 : 0] is not { Constant: { } constant } || PerChannel(constant, data.Type) is not { } values) return null;
        var (ones, zeros) = (values.Select(_ => 1.0).ToArray(), new double[values.Length]);
        return node.Op switch
        {
            Mul => new ChannelAffine(values, zeros),
            Div when isLeft && values.All(value => value != 0) => new ChannelAffine([.. values.Select(value => 1 / value)], zeros),
            Add => new ChannelAffine(ones, values),
            Sub when isLeft => new ChannelAffine(ones, [.. values.Select(value => -value)]),
            Sub => new ChannelAffine([.. ones.Select(one => -one)], values),
            _ => null,
        };
    }

    private static double[]? PerChannel(Tensor constant, TensorType data)
    {
        if (!constant.DataType.IsFloat()) return null;
        var channels = data[1].Size;
        var elements = Reals.Of(constant);
        if (elements.Length == 1) return [.. Enumerable.Repeat(elements[0], channels)];
        var axis = 1 - (data.Rank - constant.Shape.Rank);
        return axis >= 0 && elements.Length == channels && constant.Shape[axis] == channels ? elements : null;
    }

    private static double[] Real(Node node, int operand) => Reals.Of(node.Inputs[operand]!.Constant!);
}
