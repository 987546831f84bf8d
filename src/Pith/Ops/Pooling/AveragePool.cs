namespace Pith.Ops;

/// <summary>ONNX AveragePool: the mean of each window. Operand: x [N, C, spatial...], float. The reference sums in double precision.</summary>
public sealed record AveragePool : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("AveragePool", Read);

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The window.</summary>
    public required WindowAttributes Window { get; init; }

    /// <summary>Padding counts as zeros; otherwise the mean is over what lies inside the input.</summary>
    public bool CountIncludePad { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        Reals.FloatType(context, 0);
        return [PoolingTypes.Infer(context, Window, 0)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var (geometry, shape) = PoolingTypes.Resolve(x.Shape, Window);
        var (data, sums) = (Reals.Of(x), new double[shape.Length]);
        var divisors = Divisors(geometry, CountIncludePad);
        var rows = geometry.Rows();
        for (var plane = 0; plane < shape[0] * shape[1]; plane++)
        {
            var (inputStart, outputStart) = (plane * geometry.InputLength, plane * geometry.OutputLength);
            foreach (var row in rows)
                for (var i = 0; i < row.Count; i++) sums[outputStart + row.Output + i] += data[inputStart + row.Input + i * geometry.Width.Stride];
            for (var i = 0; i < divisors.Length; i++) sums[outputStart + i] /= divisors[i];
        }
        return [Reals.Create(x.DataType, shape, sums)];
    }

    /// <summary>How many elements each window of a plane averages over. What a window of ceil_mode covers beyond the padding never counts.</summary>
    internal static int[] Divisors(WindowGeometry geometry, bool countIncludePad)
    {
        var divisors = new int[geometry.OutputLength];
        for (var i = 0; i < divisors.Length; i++)
        {
            var (rest, w) = Math.DivRem(i, geometry.Width.Output);
            var (d, h) = Math.DivRem(rest, geometry.Height.Output);
            divisors[i] = Counted(geometry.Depth, d) * Counted(geometry.Height, h) * Counted(geometry.Width, w);
        }
        return divisors;

        int Counted(WindowAxis axis, int output)
        {
            var (from, to) = countIncludePad ? (-axis.PadBegin, axis.Input + axis.PadEnd) : (0, axis.Input);
            var count = 0;
            for (var k = 0; k < axis.Kernel; k++)
                if (axis.InputAt(output, k) >= from && axis.InputAt(output, k) < to) count++;
            return count;
        }
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var sizes = ConvolutionTypes.FixedSizes(context.Node, context.Input(0).Type);
        return [context.Emit(new AveragePoolGradient { Window = Window, CountIncludePad = CountIncludePad, InputSizes = sizes }, context.OutputGradient)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        if (Window.Dilations.Count > 0) writer.RequireOpset(19, "AveragePool with dilations");
        PoolingTypes.Write(writer, Window);
        if (CountIncludePad) writer.Flag("count_include_pad", true);
    }

    private static AveragePool Read(OpReader reader) => new() { Window = PoolingTypes.Read(reader), CountIncludePad = reader.Flag("count_include_pad", false) };
}
