namespace Pith.Ops;

/// <summary>
/// ONNX QLinearConv: a convolution of quantized operands, accumulated in 32-bit integers and requantized (<see cref="AffineQuantization.Requantize"/>) with the multiplier x scale * w scale / y scale.
/// Operands: x, x scale, x zero point, w, w scale, w zero point (the last two scalar or [K]), y scale, y zero point (whose type is the output's), optional bias [K] int32 in units of x scale * w scale.
/// </summary>
public sealed record QLinearConv : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("QLinearConv", Read) { SinceVersion = 10, MinInputs = 8, MaxInputs = 9 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>Strides, padding and dilations; the window's size is the weight's.</summary>
    public WindowAttributes Window { get; init; } = new();

    /// <summary>Groups that the channels are divided into.</summary>
    public int Groups { get; init; } = 1;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        IntegerOperand.Check(context, 0, 2, 3, 5, 7);
        var dims = ConvolutionTypes.InferForward(context, Window, Groups, 0, 3, bias: 8);
        IntegerOperand.CheckPerFilter(context, 1, 1, 2, 6, 7);
        IntegerOperand.CheckPerFilter(context, context.Type(3)[0], 4, 5);
        if (context.Has(8) && context.Type(8).DataType != DataType.Int32) throw context.Error("the bias must be int32");
        return [new(context.Type(7).DataType, dims)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, w, type) = (inputs[0]!, inputs[3]!, inputs[7]!.DataType);
        var (loops, shape) = ConvolutionTypes.ForwardLoops(x.Shape, w.Shape, Window, Groups);
        var bias = IntegerOperand.Optional(inputs, 8)?.As<int>().Data;
        var y = loops.Forward(IntegerOperand.Centered(x, inputs[2], 0), IntegerOperand.Centered(w, inputs[5], 0), bias);

        var (xScale, wScales, yScale) = (QuantizeLinear.Singles(inputs[1]!)[0], QuantizeLinear.Singles(inputs[4]!), QuantizeLinear.Singles(inputs[6]!)[0]);
        var multipliers = Array.ConvertAll(wScales, wScale => xScale * wScale / yScale);
        var (zeroPoint, range, size) = (QuantizeLinear.Integers(inputs[7]!)[0], AffineQuantization.RangeOf(type), ChannelStatistics.PlaneSize(shape));
        for (var i = 0; i < y.Length; i++) y[i] = AffineQuantization.Requantize(y[i], multipliers[i / size % shape[1] % multipliers.Length], zeroPoint, range);
        return [Tensor.Create(shape, y).ConvertTo(type)];
    }

    /// <inheritdoc/>
    public override long Cost(Node node) => ConvolutionTypes.MultiplyAccumulates(node.Output.Type, node.Inputs[3]!.Type);

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        Window.Write(writer);
        if (Groups != 1) writer.Int("group", Groups);
    }

    private static QLinearConv Read(OpReader reader) => new() { Window = WindowAttributes.Read(reader), Groups = reader.Int32("group", 1) };
}
