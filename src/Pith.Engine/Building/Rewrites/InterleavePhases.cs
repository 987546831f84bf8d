using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Joins the phases of an image: y[n, m, h, w] = phase(a, b)[n, m, i, j] with (h + Top, w + Left) = (i * rows + a, j * columns + b). Operands: rows * columns phases [N, M, H', W'], which may be
/// larger than is read, or one operand [N, rows * columns * M, H', W'] with the phase as the outer part of its channels. A transposed convolution is convolutions with this after them.
/// </summary>
/// <param name="Rows">Phases along the height.</param>
/// <param name="Columns">Phases along the width.</param>
/// <param name="Top">Rows of the joined image that are cut off at the top.</param>
/// <param name="Left">Columns that are cut off on the left.</param>
/// <param name="Height">Rows of the result.</param>
/// <param name="Width">Columns of the result.</param>
internal sealed record InterleavePhases(int Rows, int Columns, int Top, int Left, int Height, int Width) : Op
{
    private static readonly OpSchema s_schema = new("InterleavePhases", reader => throw reader.Error("InterleavePhases is made by the engine and is in no file")) { Domain = OpSchema.PithDomain, MaxInputs = int.MaxValue };

    public override OpSchema Schema => s_schema;

    /// <summary>Phases.</summary>
    public int Count => Rows * Columns;

    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        return [x.With([x[0], context.InputCount == 1 && Count > 1 ? x[1].Size / Count : x[1], Height, Width])];
    }

    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var isJoined = inputs.Count == 1 && Count > 1;
        var shape = inputs[0]!.Shape;
        var y = Tensor.Zeros(inputs[0]!.DataType, new Shape(shape[0], isJoined ? shape[1] / Count : shape[1], Height, Width));
        var bytes = y.DataType.SizeInBytes();
        for (var n = 0; n < y.Shape[0]; n++)
        for (var m = 0; m < y.Shape[1]; m++)
        for (var h = 0; h < Height; h++)
        for (var w = 0; w < Width; w++)
        {
            var phase = (h + Top) % Rows * Columns + (w + Left) % Columns;
            var from = inputs[isJoined ? 0 : phase]!;
            var channel = isJoined ? phase * y.Shape[1] + m : m;
            var source = ((n * from.Shape[1] + channel) * from.Shape[2] + (h + Top) / Rows) * from.Shape[3] + (w + Left) / Columns;
            from.Bytes.Slice(source * bytes, bytes).CopyTo(y.Bytes[((((n * y.Shape[1] + m) * Height + h) * Width + w) * bytes)..]);
        }
        return [y];
    }

    protected override bool PrintMembers(System.Text.StringBuilder builder)
    {
        builder.Append($"{Rows}x{Columns} phases to {Height}x{Width} from {Top},{Left}");
        return true;
    }
}
