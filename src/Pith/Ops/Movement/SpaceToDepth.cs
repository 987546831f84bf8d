namespace Pith.Ops;

/// <summary>ONNX SpaceToDepth: moves blocks of pixels into channels; [N, C, H·b, W·b] becomes [N, b²·C, H, W] with the channel index (row, column, c).</summary>
/// <param name="BlockSize">The block's side b.</param>
public sealed record SpaceToDepth(int BlockSize) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("SpaceToDepth", reader => new SpaceToDepth(reader.Int32("blocksize", 0)));

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        if (x.Rank != 4 || BlockSize < 1 || Sizes.Quotient(x[2], BlockSize) is not { } height || Sizes.Quotient(x[3], BlockSize) is not { } width)
            throw context.Error($"expected [N, C, H·{BlockSize}, W·{BlockSize}]");
        return [x.With([x[0], x[1] * BlockSize * BlockSize, height, width])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var (n, c, h, w, b) = (x.Shape[0], x.Shape[1], x.Shape[2] / BlockSize, x.Shape[3] / BlockSize, BlockSize);
        // [N, C, H, b, W, b] to [N, b, b, C, H, W].
        var moved = new Transpose([0, 3, 5, 1, 2, 4]).Evaluate([x.Reshape(new Shape(n, c, h, b, w, b))], 1)[0];
        return [moved.Reshape(new Shape(n, b * b * c, h, w))];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [MovementGradient.Emit(context)];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Int("blocksize", BlockSize);
}
