using System.Numerics;

namespace Pith.Ops;

/// <summary>
/// ONNX MaxPool: the largest element of each window; padding never wins. Operand: x [N, C, spatial...]. The optional second output (int64) is the position of that
/// element in the whole of x, flattened; of equal elements the first in row-major order of the window.
/// </summary>
public sealed record MaxPool : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("MaxPool", Read) { MaxOutputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The window.</summary>
    public required WindowAttributes Window { get; init; }

    /// <summary>Indices flatten the spatial axes with the first one fastest, instead of the last.</summary>
    public bool ColumnMajorIndices { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var type = PoolingTypes.Infer(context, Window, 0);
        if (!type.DataType.IsFloat() && !type.DataType.IsQuantized()) throw context.Error("the data must be float, int8 or uint8");
        return context.OutputCount == 1 ? [type] : [type, type.As(DataType.Int64)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (values, indices) = inputs[0] switch
        {
            Tensor<float> x => Pool(x, float.NegativeInfinity),
            Tensor<double> x => Pool(x, double.NegativeInfinity),
            Tensor<Half> x => Pool(x, Half.NegativeInfinity),
            Tensor<sbyte> x => Pool(x, sbyte.MinValue),
            Tensor<byte> x => Pool(x, byte.MinValue),
            var x => throw new PithException($"MaxPool is not defined for {x}."),
        };
        return outputCount == 1 ? [values] : [values, indices];
    }

    private (Tensor Values, Tensor Indices) Pool<T>(Tensor<T> x, T smallest) where T : unmanaged, INumber<T>
    {
        var (geometry, shape) = PoolingTypes.Resolve(x.Shape, Window);
        var values = Tensor.Zeros<T>(shape);
        var indices = Tensor.Zeros<long>(shape);
        values.Span.Fill(smallest);
        indices.Span.Fill(-1);
        var rows = geometry.Rows();
        for (var plane = 0; plane < x.Shape[0] * x.Shape[1]; plane++)
        {
            var (inputStart, outputStart) = (plane * geometry.InputLength, plane * geometry.OutputLength);
            foreach (var row in rows)
                for (var i = 0; i < row.Count; i++)
                {
                    var (output, input) = (outputStart + row.Output + i, row.Input + i * geometry.Width.Stride);
                    var value = x.Data[inputStart + input];
                    if (indices.Data[output] >= 0 && !(value > values.Data[output])) continue;
                    values.Data[output] = value;
                    indices.Data[output] = inputStart + (ColumnMajorIndices ? ColumnMajor(geometry, input) : input);
                }
        }
        return (values, indices);
    }

    private static int ColumnMajor(WindowGeometry geometry, int rowMajor)
    {
        var (rest, w) = Math.DivRem(rowMajor, geometry.Width.Input);
        var (d, h) = Math.DivRem(rest, geometry.Height.Input);
        return d + geometry.Depth.Input * (h + geometry.Height.Input * w);
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [context.OutputGradientOf(0) is { } dy ? context.Emit(new MaxPoolGradient { Window = Window }, dy, context.Input(0)) : null];

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        PoolingTypes.Write(writer, Window);
        if (ColumnMajorIndices) writer.Int("storage_order", 1);
    }

    private static MaxPool Read(OpReader reader) => new() { Window = PoolingTypes.Read(reader), ColumnMajorIndices = reader.Flag("storage_order", false) };
}
