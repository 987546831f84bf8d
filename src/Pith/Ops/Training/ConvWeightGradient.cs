namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="Conv"/> with respect to its weight. Operands: dy [N, K, spatial'...], x [N, C, spatial...]; result dw [K, C/groups, kernel...], where the kernel's size is the
/// window's <see cref="WindowAttributes.KernelShape"/>.
/// </summary>
public sealed record ConvWeightGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ConvWeightGradient", Read) { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The forward convolution's window, with its kernel shape.</summary>
    public required WindowAttributes Window { get; init; }

    /// <summary>The forward convolution's groups.</summary>
    public int Groups { get; init; } = 1;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (dy, x) = (Reals.FloatType(context, 0), Reals.FloatType(context, 1));
        if (x.Rank < 3 || dy.Rank != x.Rank) throw context.Error("expected two operands [N, C, spatial...] of one rank");
        var output = Window.InferOutput(context, x.Dims.Span[2..], Window.KernelShape.Span);
        if (!output.Prepend(x[0]).Zip(dy.Dims.Where((_, axis) => axis != 1)).All(pair => Sizes.MayBeEqual(pair.First, pair.Second)))
            throw context.Error($"the forward convolution gives [{x[0]},K,{string.Join(",", output)}], the gradient is {dy.Dims}");
        if (Dim.DivideExactly(x[1], Groups) is not { } channels) throw context.Error($"{x[1]} channels cannot be divided into {Groups} groups");
        return [x.With([dy[1], channels, .. Window.KernelShape.Select(Dim.Of)])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (dy, x) = (inputs[0]!, inputs[1]!);
        var shape = new Shape([dy.Shape[1], x.Shape[1] / Groups, .. Window.KernelShape]);
        var loops = ConvolutionTypes.ForwardLoops(x.Shape, shape, Window, Groups).Loops;
        return [Reals.Create(x.DataType, shape, loops.WeightGradient(Reals.Of(x), Reals.Of(dy)))];
    }

    /// <inheritdoc/>
    public override long Cost(Node node) => ConvolutionTypes.MultiplyAccumulates(node.Inputs[0]!.Type, node.Output.Type);

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        Window.Write(writer);
        writer.Int("group", Groups);
    }

    private static ConvWeightGradient Read(OpReader reader) => new() { Window = WindowAttributes.Read(reader), Groups = reader.Int32("group", 1) };
}
