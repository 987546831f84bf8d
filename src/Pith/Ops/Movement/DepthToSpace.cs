namespace Pith.Ops;

/// <summary>ONNX DepthToSpace: moves channels into blocks of pixels; [N, C·b², H, W] becomes [N, C, H·b, W·b].</summary>
/// <param name="BlockSize">The block's side b.</param>
/// <param name="ColumnRowDepth">True (<c>CRD</c>): the channel index is (c, row, column), as in PyTorch's PixelShuffle. False (<c>DCR</c>): (row, column, c).</param>
public sealed record DepthToSpace(int BlockSize, bool ColumnRowDepth = false) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("DepthToSpace", Read);

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        if (x.Rank != 4 || BlockSize < 1 || Sizes.Quotient(x[1], Dim.Of(BlockSize) * BlockSize) is not { } channels) throw context.Error($"expected [N, C·{BlockSize}², H, W]");
        return [x.With([x[0], channels, x[2] * BlockSize, x[3] * BlockSize])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var (n, c, h, w, b) = (x.Shape[0], x.Shape[1] / (BlockSize * BlockSize), x.Shape[2], x.Shape[3], BlockSize);
        // [N, C, b, b, H, W] or [N, b, b, C, H, W] to [N, C, H, b, W, b].
        var split = x.Reshape(ColumnRowDepth ? new Shape(n, c, b, b, h, w) : new Shape(n, b, b, c, h, w));
        var moved = new Transpose(ColumnRowDepth ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]).Evaluate([split], 1)[0];
        return [moved.Reshape(new Shape(n, c, h * b, w * b))];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [MovementGradient.Emit(context)];

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Int("blocksize", BlockSize);
        writer.Text("mode", ColumnRowDepth ? "CRD" : "DCR");
    }

    private static DepthToSpace Read(OpReader reader) => reader.Text("mode", "DCR") switch
    {
        "DCR" => new DepthToSpace(reader.Int32("blocksize", 0)),
        "CRD" => new DepthToSpace(reader.Int32("blocksize", 0), ColumnRowDepth: true),
        var other => throw reader.Error($"attribute 'mode' should be DCR or CRD, got '{other}'"),
    };
}
