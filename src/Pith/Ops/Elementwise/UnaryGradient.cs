namespace Pith.Ops;

/// <summary>
/// The gradient of an element-wise op: operands (value, dY), result dX = dY · f'(value), where value is x or y as
/// <see cref="DifferentiableOp.DerivativeReadsOutput"/> says. Where the derivative is 0 the result is 0, whatever dY is.
/// </summary>
/// <param name="Forward">The op f whose gradient this is.</param>
public sealed record UnaryGradient(DifferentiableOp Forward) : Op
{
    private const string ForwardAttribute = "forward";

    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("UnaryGradient", reader =>
    {
        var name = reader.Text(ForwardAttribute, "");
        return OpCatalog.Find(OpSchema.OnnxDomain, name)?.Read(reader) is DifferentiableOp forward
            ? new UnaryGradient(forward)
            : throw reader.Error($"attribute '{ForwardAttribute}' should name an element-wise op with a derivative, got '{name}'");
    })
    { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (value, gradient) = (context.Type(0), context.Type(1));
        if (value.DataType != DataType.Float32 || !value.Accepts(gradient)) throw context.Error("expected two f32 operands of one shape");
        return [value];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) =>
        [Broadcasting.Map(inputs[0]!.As<float>(), inputs[1]!.As<float>(), (value, gradient) => Forward.Derivative(value) is var slope && slope == 0 ? 0f : (float)(slope * gradient))];

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Text(ForwardAttribute, Forward.Schema.Name);
        Forward.Write(writer);
    }
}
