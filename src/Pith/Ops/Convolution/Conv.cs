namespace Pith.Ops;

/// <summary>
/// ONNX Conv: y[n,k,o] = b[k] + sum over c, r of x[n,c,o*stride + r*dilation - pad] * w[k,c,r], for 1 to 3 spatial axes.
/// Operands: x [N, C, spatial...], w [K, C/groups, kernel...], optional b [K].
/// The reference sums in double precision in the order c, then the kernel's axes, and rounds once to the element type.
/// </summary>
public sealed record Conv : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Conv", Read) { MinInputs = 2, MaxInputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>Strides, padding and dilations; the window's size is the weight's.</summary>
    public WindowAttributes Window { get; init; } = new();

    /// <summary>Groups that the channels are divided into; as many as channels for a depthwise convolution.</summary>
    public int Groups { get; init; } = 1;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context) => [context.Type(0).With(ConvolutionTypes.InferForward(context, Window, Groups, 0, 1, 2))];

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, w) = (inputs[0]!, inputs[1]!);
        var (loops, shape) = ConvolutionTypes.ForwardLoops(x.Shape, w.Shape, Window, Groups);
        return [Reals.Create(x.DataType, shape, loops.Forward(Reals.Of(x), Reals.Of(w), Reals.OfOptional(inputs, 2)))];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var (x, w, dy) = (context.Input(0), context.Input(1), context.OutputGradient);
        var kernel = w.Type.Dims.Skip(2).Select(dim => dim.Size).ToValueList();
        return
        [
            context.Needs(0) ? context.Emit(new ConvInputGradient { Window = Window, Groups = Groups, InputSizes = ConvolutionTypes.FixedSizes(context.Node, x.Type) }, dy, w) : null,
            context.Needs(1) ? context.Emit(new ConvWeightGradient { Window = Window with { KernelShape = kernel }, Groups = Groups }, dy, x) : null,
            context.Needs(2) ? context.Emit(new ReduceSum([0, .. Enumerable.Range(2, kernel.Count)], KeepDims: false), dy) : null,
        ];
    }

    /// <inheritdoc/>
    public override long Cost(Node node) => ConvolutionTypes.MultiplyAccumulates(node.Output.Type, node.Inputs[1]!.Type);

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        Window.Write(writer);
        if (Groups != 1) writer.Int("group", Groups);
    }

    private static Conv Read(OpReader reader) => new() { Window = WindowAttributes.Read(reader), Groups = reader.Int32("group", 1) };
}
