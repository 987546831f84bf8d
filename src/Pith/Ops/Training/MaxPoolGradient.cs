namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="MaxPool"/>: each dy goes to the element that was the largest of its window, of equal ones to the first. Operands: dy [N, C, spatial'...],
/// x [N, C, spatial...]; result of x's shape and dy's type (x may be quantized, see <see cref="QuantizeLinear"/>).
/// </summary>
public sealed record MaxPoolGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("MaxPoolGradient", reader => new MaxPoolGradient { Window = PoolingTypes.Read(reader) }) { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The forward op's window.</summary>
    public required WindowAttributes Window { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var dy = Reals.FloatType(context, 0);
        var pooled = PoolingTypes.Infer(context, Window, 1).As(dy.DataType);
        return pooled.Accepts(dy) ? [context.Type(1).As(dy.DataType)] : throw context.Error($"the forward op gives {pooled}, the gradient is {dy}");
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (dy, x) = (inputs[0]!, inputs[1]!);
        var winners = new MaxPool { Window = Window }.Evaluate([x], 2)[1].As<long>().Data;
        var (gradient, dx) = (Reals.Of(dy), new double[x.Length]);
        for (var i = 0; i < winners.Length; i++)
            if (winners[i] >= 0) dx[winners[i]] += gradient[i];
        return [Reals.Create(dy.DataType, x.Shape, dx)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => PoolingTypes.Write(writer, Window);
}
