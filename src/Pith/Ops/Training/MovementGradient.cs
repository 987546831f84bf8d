namespace Pith.Ops;

/// <summary>
/// The gradient of an op that only moves elements of its first operand (Gather, Tile, DepthToSpace, Slice, Pad …). Operands: those of the forward op, then dy; result dx: each element is the sum of the elements of dy
/// that it was copied to, in their order and in double precision.
/// </summary>
/// <param name="Forward">The op whose gradient this is.</param>
public sealed record MovementGradient(Op Forward) : Op
{
    private const string ForwardAttribute = "forward";

    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("MovementGradient", Read) { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 6 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>Emits the gradient with respect to operand 0 of the forward node; null when nobody wants it.</summary>
    internal static Value? Emit(GradientContext context) =>
        context.Needs(0) ? context.Emit(new MovementGradient(context.Node.Op), [.. context.Node.Inputs, context.OutputGradient]) : null;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (x, dy) = (context.Type(0), context.Type(context.InputCount - 1));
        return x.DataType.IsFloat() && x.DataType == dy.DataType ? [x] : throw context.Error("the data and the gradient must be floats of one type");
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, dy) = (inputs[0]!, Reals.Of(inputs[^1]!));
        // Moving the elements' numbers, counted from 1, says where each element of the result came from; 0 is what a Pad adds.
        var numbers = Tensor.Create(x.Shape, Enumerable.Range(1, x.Length).Select(i => (long)i).ToArray());
        Tensor?[] operands = [numbers, .. inputs.Skip(1).SkipLast(1)];
        if (Forward is Pad && operands.Length > 2) operands[2] = null;
        var sources = Forward.Evaluate(operands, 1)[0].As<long>().Data;
        var dx = new double[x.Length];
        for (var i = 0; i < sources.Length; i++)
            if (sources[i] > 0) dx[sources[i] - 1] += dy[i];
        return [Reals.Create(x.DataType, x.Shape, dx)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Text(ForwardAttribute, Forward.Schema.Name);
        Forward.Write(writer);
    }

    private static MovementGradient Read(OpReader reader)
    {
        var name = reader.Text(ForwardAttribute, "");
        return OpCatalog.Find(OpSchema.OnnxDomain, name)?.Read(reader) is { } forward
            ? new MovementGradient(forward)
            : throw reader.Error($"attribute '{ForwardAttribute}' should name an op that moves elements, got '{name}'");
    }
}
