namespace Pith.Ops;

/// <summary>
/// ONNX Clip: min(max(x, lower), upper). Operands x, and the optional scalars lower and upper, which opsets before 11 had as attributes.
/// </summary>
public sealed record Clip : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Clip", Read) { MaxInputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        for (var i = 1; i < 3; i++)
            if (context.Has(i) && (context.Type(i).DataType != x.DataType || context.Type(i).Rank > 1 || context.Type(i).Dims.Any(dim => dim != 1))) throw context.Error($"operand {i} must be one number of type {x.DataType.ShortName()}");
        return [x];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        if (inputs.Count > 1 && inputs[1] is { } lower) x = new Max().Evaluate([x, lower.Reshape(new Shape())], 1)[0];
        if (inputs.Count > 2 && inputs[2] is { } upper) x = new Min().Evaluate([x, upper.Reshape(new Shape())], 1)[0];
        return [x];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [context.Emit(new ClipGradient(), context.Output, context.OutputGradient, context.Node.Input(1), context.Node.Input(2)), null, null];

    private static Clip Read(OpReader reader)
    {
        if (reader.Opset >= 11)
        {
            // Some exporters write one number as a vector; the scalar is the form that everything else looks for.
            for (var i = 1; i < 3; i++)
                if (reader.InputConstant(i) is { Shape.Rank: 1, Length: 1 } vector) reader.SetInput(i, vector.Reshape(new Shape()));
            return new Clip();
        }
        var type = reader.InputType(0)?.DataType ?? DataType.Float32;
        if (reader.Has("min")) reader.SetInput(1, Tensor.Scalar(reader.Float("min", 0)).ConvertTo(type));
        if (reader.Has("max")) reader.SetInput(2, Tensor.Scalar(reader.Float("max", 0)).ConvertTo(type));
        return new Clip();
    }
}
