namespace Pith.Ops;

/// <summary>
/// ONNX Pad: elements added before and after the operand along each axis; negative amounts remove elements. Operands x, the amounts (all
/// begins, then all ends), and the optional value of <see cref="PadMode.Constant"/>; opsets before 11 had attributes.
/// </summary>
/// <param name="Mode">What is added.</param>
/// <param name="Axes">The axes that the amounts are for, negative from the end; empty: all. An operand since opset 18.</param>
public sealed record Pad(PadMode Mode = PadMode.Constant, ValueList<int> Axes = default) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Pad", Read) { MinInputs = 2, MaxInputs = 4, ShapeOperands = [1] };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        foreach (var axis in Axes) context.Axis(axis, x.Rank);
        if (context.Has(2) && (context.Type(2).DataType != x.DataType || context.Type(2).Dims.Any(dim => dim != 1))) throw context.Error("the padding value must be one element of the type of x");
        var amounts = context.ConstantInt64s(1);
        if (amounts.Length != 2 * (Axes.Count > 0 ? Axes.Count : x.Rank)) throw context.Error($"two amounts per axis are needed, got {amounts.Length}");
        if (amounts.Any(amount => amount is < -int.MaxValue or > int.MaxValue)) throw context.Error($"the amounts {ValueList.Create<long>(amounts)} are larger than any size that Pith can represent");
        var pads = PadsPerAxis(amounts, x.Rank);
        return [x.With(x.Dims.Select((dim, axis) => dim + pads[axis].Begin + pads[axis].End).ToValueList())];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var pads = PadsPerAxis(inputs[1]!.ToInt64s(), x.Shape.Rank);
        var tables = x.Shape.Strides().Select((stride, axis) => Table(x.Shape[axis], stride, pads[axis])).ToArray();
        return [IndexedCopy.Read(x, tables, inputs.Count > 2 ? inputs[2] : null)];
    }

    /// <inheritdoc/>
    // Padding with a constant is undone by a slice. What was copied from the operand, or removed, is traced back element by element.
    public override Value?[] Gradient(GradientContext context)
    {
        var x = context.Input(0).Type;
        if (context.Input(1).Constant is not { } amounts) throw new PithException($"Pad '{context.Node.Name}' has a gradient only with constant amounts.");
        var padded = PadsPerAxis(amounts.ToInt64s(), x.Rank).Select((pad, axis) => (Axis: axis, pad.Begin, pad.End)).Where(pad => pad.Begin != 0 || pad.End != 0).ToArray();
        if (padded.Length == 0) return [context.OutputGradient, null, null];
        if (Mode != PadMode.Constant || padded.Any(pad => pad.Begin < 0 || pad.End < 0)) return [MovementGradient.Emit(context), null, null, null];
        var starts = context.Integers([.. padded.Select(pad => (long)pad.Begin)]);
        var ends = context.Integers([.. padded.Select(pad => pad.End == 0 ? int.MaxValue : -(long)pad.End)]);
        return [context.Emit(new Slice(), context.OutputGradient, starts, ends, context.Integers([.. padded.Select(pad => (long)pad.Axis)])), null, null];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Text("mode", Mode.ToString().ToLowerInvariant());
        if (Mode == PadMode.Wrap) writer.RequireOpset(19, "Pad with mode 'wrap'");
        if (Axes.Count > 0) writer.RequireOpset(18, "Pad with axes");
        AxesOperand.Write(writer, Axes, index: 3, since: 18);
    }

    private static Pad Read(OpReader reader)
    {
        if (!Enum.TryParse<PadMode>(reader.Text("mode", "constant"), ignoreCase: true, out var mode))
            throw reader.Error($"attribute 'mode' should be constant, edge, reflect or wrap, got '{reader.Text("mode", "")}'");
        if (reader.Opset < 11)
        {
            if (reader.Ints("pads") is { } pads) reader.SetInput(1, Tensor.Vector<long>([.. pads.Select(pad => (long)pad)]));
            if (reader.Has("value")) reader.SetInput(2, Tensor.Scalar(reader.Float("value", 0)).ConvertTo(reader.InputType(0)?.DataType ?? DataType.Float32));
        }
        return new Pad(mode, reader.Opset < 18 ? [] : AxesOperand.Read(reader, index: 3, since: 18));
    }

    /// <summary>What is added before and after each axis; negative amounts remove elements.</summary>
    /// <param name="amounts">The second operand: all begins, then all ends, for <see cref="Axes"/>.</param>
    /// <param name="rank">The rank of the first operand.</param>
    public (int Begin, int End)[] PadsPerAxis(long[] amounts, int rank)
    {
        ArgumentNullException.ThrowIfNull(amounts);
        var pads = new (int Begin, int End)[rank];
        var axes = Axes.Count > 0 ? Axes : Enumerable.Range(0, rank).ToValueList();
        for (var i = 0; i < axes.Count; i++) pads[Sizes.Axis(axes[i], rank)] = (Amount(amounts[i]), Amount(amounts[axes.Count + i]));
        return pads;
    }

    private static int Amount(long amount) => amount is >= -int.MaxValue and <= int.MaxValue ? (int)amount : throw new PithException($"Pad: the amount {amount} is larger than any size that Pith can represent.");

    private int[] Table(int size, int stride, (int Begin, int End) pad) => Array.ConvertAll(Sources(size, pad), position => position < 0 ? IndexedCopy.Fill : position * stride);

    /// <summary>Whether elements are added or removed along an axis.</summary>
    /// <param name="amounts">The operand with the amounts.</param>
    /// <param name="rank">The rank of x.</param>
    /// <param name="axis">The axis, from 0.</param>
    public bool Changes(Tensor amounts, int rank, int axis) => PadsPerAxis(amounts.ToInt64s(), rank)[axis] != default;

    /// <summary>Where each element along an axis comes from: an index of x, or -1 for the value of <see cref="PadMode.Constant"/>; one entry for each index of the result.</summary>
    /// <param name="amounts">The operand with the amounts.</param>
    /// <param name="rank">The rank of x.</param>
    /// <param name="axis">The axis, from 0.</param>
    /// <param name="size">Its size in x.</param>
    public int[] Sources(Tensor amounts, int rank, int axis, int size) => Sources(size, PadsPerAxis(amounts.ToInt64s(), rank)[axis]);

    private int[] Sources(int size, (int Begin, int End) pad)
    {
        var sources = new int[size + pad.Begin + pad.End];
        for (var i = 0; i < sources.Length; i++) sources[i] = Source(i - pad.Begin, size);
        return sources;
    }

    // The position that is read for one that may lie outside; -1 for the constant.
    private int Source(int position, int size)
    {
        if (position >= 0 && position < size) return position;
        if (size == 0 && Mode != PadMode.Constant) throw new PithException($"Pad: an axis without elements cannot be padded in mode {Mode}.");
        switch (Mode)
        {
            case PadMode.Edge: return Math.Clamp(position, 0, size - 1);
            case PadMode.Wrap: return (position % size + size) % size;
            case PadMode.Reflect:
                // The mirrored sequence repeats every 2 · (size - 1) positions.
                var period = Math.Max(2 * (size - 1), 1);
                var phase = (position % period + period) % period;
                return Math.Min(phase, period - phase) % size;
            default: return -1;
        }
    }
}
