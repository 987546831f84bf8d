namespace Pith.Ops;

/// <summary>
/// ONNX Resize: resamples along some axes, by nearest neighbour, linear or cubic interpolation, one axis after the other. Operands: x, optional region of interest, optional scales, optional
/// sizes; exactly one of the last two. The reference computes in double precision.
/// </summary>
public sealed record Resize : Op
{
    private const int Region = 1, Scales = 2, SizesOperand = 3;

    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Resize", ResizeAttributes.Read) { SinceVersion = 10, MaxInputs = 4, ShapeOperands = [Scales, SizesOperand] };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The interpolation.</summary>
    public ResizeMode Mode { get; init; }

    /// <summary>Where an output element lies in the input.</summary>
    public ResizeCoordinates Coordinates { get; init; }

    /// <summary>How nearest neighbour rounds.</summary>
    public ResizeRounding Rounding { get; init; }

    /// <summary>The coefficient of cubic interpolation.</summary>
    public float CubicCoefficient { get; init; } = -0.75f;

    /// <summary>Elements outside the input weigh nothing, instead of repeating the edge.</summary>
    public bool ExcludeOutside { get; init; }

    /// <summary>The value outside the input, for <see cref="ResizeCoordinates.TfCropAndResize"/>.</summary>
    public float ExtrapolationValue { get; init; }

    /// <summary>The filter is widened when the output is smaller.</summary>
    public bool Antialias { get; init; }

    /// <summary>The axes that the operands speak of; empty: all.</summary>
    public ValueList<int> Axes { get; init; } = [];

    /// <summary>What sizes mean for the aspect ratio.</summary>
    public AspectRatioPolicy AspectRatio { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        var axes = AxesOf(x.Rank, axis => context.Axis(axis, x.Rank));
        var dims = x.Dims.ToArray();
        if (IsPresent(context, SizesOperand) == IsPresent(context, Scales)) throw context.Error("expected either scales or sizes");
        if (IsPresent(context, SizesOperand)) InferFromSizes(context, x, axes, dims);
        else InferFromScales(context, x, axes, dims);
        return [x.With(ValueList.Create<Dim>(dims))];
    }

    /// <summary>An empty tensor stands for an absent operand, as files of opset 11 need it.</summary>
    private static bool IsPresent(InferContext context, int operand) => context.Has(operand) && !(context.Type(operand) is { Rank: 1 } type && type[0] == 0);

    private static void InferFromScales(InferContext context, TensorType x, int[] axes, Dim[] dims)
    {
        var scales = context.Constant(Scales) is { } constant ? Singles(constant) : throw context.Error("the scales decide the shape of the output and must be a constant");
        if (scales.Length != axes.Length) throw context.Error($"expected {axes.Length} scales, got {scales.Length}");
        for (var i = 0; i < axes.Length; i++)
        {
            if (!(scales[i] > 0 && float.IsFinite(scales[i]))) throw context.Error($"scales must be positive and finite, got {scales[i]}");
            var dim = x[axes[i]];
            dims[axes[i]] = dim.IsFixed ? Scaled(dim.Size, scales[i]) : Scaled(dim, scales[i]) ?? context.UnknownSize(axes[i]);
        }
    }

    private void InferFromSizes(InferContext context, TensorType x, int[] axes, Dim[] dims)
    {
        var sizes = context.Dims(SizesOperand);
        if (sizes.Count != axes.Length) throw context.Error($"expected {axes.Length} sizes, got {sizes.Count}");
        if (AspectRatio != AspectRatioPolicy.Stretch)
        {
            if (!sizes.All(size => size.IsFixed) || !axes.All(axis => x[axis].IsFixed)) throw context.Error("keep_aspect_ratio_policy needs fixed sizes");
            sizes = Proportional(axes.Select(axis => x[axis].Size).ToArray(), sizes.Select(size => size.Size).ToArray()).Sizes.Select(Dim.Of).ToValueList();
        }
        for (var i = 0; i < axes.Length; i++) dims[axes[i]] = sizes[i];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var plan = Plan(x.Shape, inputs);
        var (shape, data) = (x.Shape, Reals.Of(x));
        bool[]? outside = null;
        foreach (var (axis, resize) in plan)
        {
            (data, outside, shape) = Apply(resize, data, outside, shape, axis);
        }
        if (outside is not null)
            for (var i = 0; i < data.Length; i++) if (outside[i]) data[i] = ExtrapolationValue;
        return [Reals.Create(x.DataType, shape, data)];
    }

    private static (double[] Data, bool[]? Outside, Shape Shape) Apply(ResizeAxis resize, double[] x, bool[]? xOutside, Shape from, int axis)
    {
        var shape = from.With(axis, resize.Taps.Length);
        var (outer, size, inner) = Sizes.Split(from, axis);
        var y = new double[shape.Length];
        var outside = xOutside is not null || resize.Taps.Contains(null) ? new bool[shape.Length] : null;
        for (var o = 0; o < outer; o++)
        for (var i = 0; i < resize.Taps.Length; i++)
        for (var j = 0; j < inner; j++)
        {
            var at = (o * resize.Taps.Length + i) * inner + j;
            if (resize.Taps[i] is not { } taps)
            {
                outside![at] = true;
                continue;
            }
            foreach (var tap in taps)
            {
                y[at] += x[(o * size + tap.Input) * inner + j] * tap.Weight;
                if (xOutside is not null) outside![at] |= xOutside[(o * size + tap.Input) * inner + j];
            }
        }
        return (y, outside, shape);
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [context.Needs(0) ? context.Emit(new ResizeGradient(this), [.. context.Node.Inputs, context.OutputGradient]) : null, null, null, null];

    /// <summary>The adjoint of <see cref="Evaluate"/>: <paramref name="dy"/>, of the result's shape, given back to the elements of a tensor of shape <paramref name="x"/> that each of its elements is made from.</summary>
    internal double[] Adjoint(Shape x, IReadOnlyList<Tensor?> inputs, double[] dy)
    {
        var steps = new Stack<(ResizeAxis Resize, Shape From, int Axis)>();
        var shape = x;
        foreach (var (axis, resize) in Plan(x, inputs))
        {
            steps.Push((resize, shape, axis));
            shape = shape.With(axis, resize.Taps.Length);
        }
        foreach (var (resize, from, axis) in steps)
        {
            var dx = new double[from.Length];
            var (outer, size, inner) = Sizes.Split(from, axis);
            for (var o = 0; o < outer; o++)
            for (var i = 0; i < resize.Taps.Length; i++)
                foreach (var tap in resize.Taps[i] ?? [])
                    for (var j = 0; j < inner; j++) dx[(o * size + tap.Input) * inner + j] += dy[(o * resize.Taps.Length + i) * inner + j] * tap.Weight;
            dy = dx;
        }
        return dy;
    }

    /// <summary>For each axis that changes, the elements that each index of the result is the weighted sum of; null where it lies outside the region of interest.</summary>
    /// <param name="x">The operand's shape.</param>
    /// <param name="inputs">The operands; the first is not read.</param>
    public IReadOnlyList<(int Axis, ResizeTap[]?[] Taps)> TapsOf(Shape x, IReadOnlyList<Tensor?> inputs) => [.. Plan(x, inputs).Select(step => (step.Axis, step.Resize.Taps))];

    /// <summary>What to do along each axis that changes.</summary>
    private List<(int Axis, ResizeAxis Resize)> Plan(Shape x, IReadOnlyList<Tensor?> inputs)
    {
        var axes = AxesOf(x.Rank, axis => Sizes.Axis(axis, x.Rank));
        var input = axes.Select(axis => x[axis]).ToArray();
        var region = Optional(inputs, Region) is { } given ? Singles(given) : null;
        var (sizes, scales) = Optional(inputs, Scales) is { } factors
            ? (input.Zip(Singles(factors), Scaled).ToArray(), Array.ConvertAll(Singles(factors), scale => (double)scale))
            : Proportional(input, Array.ConvertAll(Optional(inputs, SizesOperand)!.ToInt64s(), Ops.Sizes.Size));
        var plan = new List<(int, ResizeAxis)>();
        for (var i = 0; i < axes.Length; i++)
        {
            if (sizes[i] == input[i] && scales[i] == 1 && Coordinates != ResizeCoordinates.TfCropAndResize) continue;
            var (start, end) = region is null ? (0f, 1f) : (region[i], region[i + axes.Length]);
            plan.Add((axes[i], new ResizeAxis(this, input[i], sizes[i], scales[i], (start, end))));
        }
        return plan;
    }

    /// <summary>The output's sizes and the scales, where sizes are given.</summary>
    private (int[] Sizes, double[] Scales) Proportional(int[] input, int[] wanted)
    {
        var scales = wanted.Zip(input, (size, from) => size / (double)from).ToArray();
        if (AspectRatio == AspectRatioPolicy.Stretch) return (wanted, scales);
        var scale = AspectRatio == AspectRatioPolicy.NotLarger ? scales.Min() : scales.Max();
        return ([.. input.Select(size => (int)Math.Floor(size * scale + 0.5))], [.. scales.Select(_ => scale)]);
    }

    private static int Scaled(int size, float scale) => checked((int)Math.Floor(size * (double)scale));

    // A float is an integer over a power of two; null when these are too large for the arithmetic of sizes.
    private static Dim? Scaled(Dim size, float scale)
    {
        var (numerator, denominator) = ((double)scale, 1L);
        for (; numerator != Math.Floor(numerator) && denominator < 1L << 30; denominator *= 2) numerator *= 2;
        return numerator == Math.Floor(numerator) && numerator < int.MaxValue ? Dim.FloorDivide(size * (int)numerator, Dim.Of(denominator)) : null;
    }

    private int[] AxesOf(int rank, Func<int, int> normalize) => Axes.Count == 0 ? [.. Enumerable.Range(0, rank)] : [.. Axes.Select(normalize)];

    private static float[] Singles(Tensor tensor) => tensor.ConvertTo(DataType.Float32).As<float>().Data;

    private static Tensor? Optional(IReadOnlyList<Tensor?> inputs, int index) => index < inputs.Count && inputs[index] is { Length: > 0 } tensor ? tensor : null;

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => ResizeAttributes.Write(this, writer);
}
