namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="Conv"/> with respect to its data. Operands: dy [N, K, spatial'...], w [K, C/groups, kernel...]; result dx [N, C, <see cref="InputSizes"/>...].
/// </summary>
public sealed record ConvInputGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ConvInputGradient", Read) { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The forward convolution's window.</summary>
    public WindowAttributes Window { get; init; } = new();

    /// <summary>The forward convolution's groups.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>The spatial sizes of the forward convolution's data.</summary>
    public required ValueList<int> InputSizes { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (dy, w) = (Reals.FloatType(context, 0), Reals.FloatType(context, 1));
        if (dy.Rank != InputSizes.Count + 2 || w.Rank != dy.Rank) throw context.Error($"expected two operands of rank {InputSizes.Count + 2}");
        var kernel = ConvolutionTypes.KernelOf(context, w, Window);
        var output = Window.InferOutput(context, [.. InputSizes.Select(Dim.Of)], kernel);
        if (!output.Prepend(w[0]).Zip(dy.Dims.Skip(1)).All(pair => Sizes.MayBeEqual(pair.First, pair.Second)))
            throw context.Error($"the forward convolution gives [N,{w[0]},{string.Join(",", output)}], the gradient is {dy.Dims}");
        return [dy.With([dy[0], w[1] * Groups, .. InputSizes.Select(Dim.Of)])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (dy, w) = (inputs[0]!, inputs[1]!);
        var shape = new Shape([dy.Shape[0], w.Shape[1] * Groups, .. InputSizes]);
        var loops = ConvolutionTypes.ForwardLoops(shape, w.Shape, Window, Groups).Loops;
        return [Reals.Create(dy.DataType, shape, loops.InputGradient(Reals.Of(dy), Reals.Of(w)))];
    }

    /// <inheritdoc/>
    public override long Cost(Node node) => ConvolutionTypes.MultiplyAccumulates(node.Inputs[0]!.Type, node.Inputs[1]!.Type);

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        Window.Write(writer);
        writer.Int("group", Groups);
        writer.Ints("input_sizes", InputSizes);
    }

    private static ConvInputGradient Read(OpReader reader) =>
        new() { Window = WindowAttributes.Read(reader), Groups = reader.Int32("group", 1), InputSizes = reader.Ints("input_sizes") ?? [] };
}
