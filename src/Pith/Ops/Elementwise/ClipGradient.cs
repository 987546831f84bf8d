namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="Clip"/>: operands (y, dY, lower?, upper?), result dX = dY where lower &lt; y &lt; upper, else 0. It reads the result y as Relu's gradient does, so that x need not be kept; where x is a
/// bound itself there are two slopes, of which this is 0.
/// </summary>
public sealed record ClipGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ClipGradient", _ => new ClipGradient()) { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 4 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (y, gradient) = (context.Type(0), context.Type(1));
        if (y.DataType != DataType.Float32 || !y.Accepts(gradient)) throw context.Error("expected y and dY as f32 of one shape");
        for (var i = 2; i < 4; i++)
            if (context.Has(i) && (context.Type(i).DataType != DataType.Float32 || context.Type(i).Rank > 1 || context.Type(i).Dims.Any(dim => dim != 1))) throw context.Error($"operand {i} must be one f32 number");
        return [y];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var lower = inputs.Count > 2 && inputs[2] is { } min ? min.As<float>().Data[0] : float.NegativeInfinity;
        var upper = inputs.Count > 3 && inputs[3] is { } max ? max.As<float>().Data[0] : float.PositiveInfinity;
        return [Broadcasting.Map<float, float, float>(inputs[0]!.As<float>(), inputs[1]!.As<float>(), (y, gradient) => y > lower && y < upper ? gradient : 0)];
    }
}
