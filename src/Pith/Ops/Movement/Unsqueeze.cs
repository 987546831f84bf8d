namespace Pith.Ops;

/// <summary>ONNX Unsqueeze: inserts axes of size 1.</summary>
/// <param name="Axes">Where the new axes are in the result; negative counts from its end. An operand since opset 13.</param>
public sealed record Unsqueeze(ValueList<int> Axes) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Unsqueeze", reader => new Unsqueeze(AxesOperand.Read(reader, index: 1, since: 13))) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        var rank = x.Rank + Axes.Count;
        if (Axes.Select(axis => context.Axis(axis, rank)).Distinct().Count() != Axes.Count) throw context.Error($"the axes {Axes} name one axis twice");
        if (context.KnownShapeValue(0) is { } content) context.SetShapeValue(0, content);
        return [x.With(Widened(x.Dims, Dim.Of(1)))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) => [inputs[0]!.Reshape(new Shape(Widened(inputs[0]!.Shape.Dims, 1).Span))];

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.Emit(new Squeeze(Axes), context.OutputGradient)];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => AxesOperand.Write(writer, Axes, index: 1, since: 13);

    private ValueList<T> Widened<T>(ValueList<T> dims, T one)
    {
        var rank = dims.Count + Axes.Count;
        var result = dims.ToList();
        foreach (var axis in Axes.Select(axis => Sizes.Axis(axis, rank)).Order()) result.Insert(axis, one);
        return result.ToValueList();
    }
}
