namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="AveragePool"/>: each dy is shared out evenly among the elements of its window. Operand: dy [N, C, spatial'...]; result
/// [N, C, <see cref="InputSizes"/>...].
/// </summary>
public sealed record AveragePoolGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("AveragePoolGradient", Read) { Domain = OpSchema.PithDomain };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The forward op's window.</summary>
    public required WindowAttributes Window { get; init; }

    /// <summary>Whether the forward op counts padding.</summary>
    public bool CountIncludePad { get; init; }

    /// <summary>The spatial sizes of the forward op's operand.</summary>
    public required ValueList<int> InputSizes { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var dy = Reals.FloatType(context, 0);
        var output = Window.InferOutput(context, [.. InputSizes.Select(Dim.Of)], Window.KernelShape.Span);
        if (dy.Rank != output.Length + 2 || !output.Zip(dy.Dims.Skip(2)).All(pair => Sizes.MayBeEqual(pair.First, pair.Second)))
            throw context.Error($"the forward op gives spatial sizes [{string.Join(",", output)}], the gradient is {dy.Dims}");
        return [dy.With([dy[0], dy[1], .. InputSizes.Select(Dim.Of)])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var dy = inputs[0]!;
        var shape = new Shape([dy.Shape[0], dy.Shape[1], .. InputSizes]);
        var geometry = PoolingTypes.Resolve(shape, Window).Geometry;
        var (gradient, dx) = (Reals.Of(dy), new double[shape.Length]);
        var divisors = AveragePool.Divisors(geometry, CountIncludePad);
        var rows = geometry.Rows();
        for (var plane = 0; plane < shape[0] * shape[1]; plane++)
        {
            var (inputStart, outputStart) = (plane * geometry.InputLength, plane * geometry.OutputLength);
            foreach (var row in rows)
                for (var i = 0; i < row.Count; i++)
                    dx[inputStart + row.Input + i * geometry.Width.Stride] += gradient[outputStart + row.Output + i] / divisors[row.Output + i];
        }
        return [Reals.Create(dy.DataType, shape, dx)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        PoolingTypes.Write(writer, Window);
        writer.Flag("count_include_pad", CountIncludePad);
        writer.Ints("input_sizes", InputSizes);
    }

    private static AveragePoolGradient Read(OpReader reader) =>
        new() { Window = PoolingTypes.Read(reader), CountIncludePad = reader.Flag("count_include_pad", false), InputSizes = reader.Ints("input_sizes") ?? [] };
}
