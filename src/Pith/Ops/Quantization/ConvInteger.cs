namespace Pith.Ops;

/// <summary>
/// ONNX ConvInteger: the convolution of (x - x zero point) by (w - w zero point) in 32-bit integers; padding is the zero point. Operands: x [N, C, spatial...] and w [K, C/groups, kernel...], int8 or uint8;
/// optional zero points, the weight's scalar or [K].
/// </summary>
public sealed record ConvInteger : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ConvInteger", Read) { SinceVersion = 10, MinInputs = 2, MaxInputs = 4 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>Strides, padding and dilations; the window's size is the weight's.</summary>
    public WindowAttributes Window { get; init; } = new();

    /// <summary>Groups that the channels are divided into.</summary>
    public int Groups { get; init; } = 1;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        IntegerOperand.Check(context, 0, 1, 2, 3);
        var dims = ConvolutionTypes.InferForward(context, Window, Groups, 0, 1, bias: null);
        IntegerOperand.CheckPerFilter(context, 1, 2);
        IntegerOperand.CheckPerFilter(context, context.Type(1)[0], 3);
        return [new(DataType.Int32, dims)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, w) = (inputs[0]!, inputs[1]!);
        var (loops, shape) = ConvolutionTypes.ForwardLoops(x.Shape, w.Shape, Window, Groups);
        var (values, weights) = (IntegerOperand.Centered(x, IntegerOperand.Optional(inputs, 2), 0), IntegerOperand.Centered(w, IntegerOperand.Optional(inputs, 3), 0));
        return [Tensor.Create(shape, loops.Forward(values, weights, bias: null))];
    }

    /// <inheritdoc/>
    public override long Cost(Node node) => ConvolutionTypes.MultiplyAccumulates(node.Output.Type, node.Inputs[1]!.Type);

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        Window.Write(writer);
        if (Groups != 1) writer.Int("group", Groups);
    }

    private static ConvInteger Read(OpReader reader) => new() { Window = WindowAttributes.Read(reader), Groups = reader.Int32("group", 1) };
}
