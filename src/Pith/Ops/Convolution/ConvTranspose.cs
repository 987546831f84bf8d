namespace Pith.Ops;

/// <summary>
/// ONNX ConvTranspose: the adjoint of <see cref="Conv"/> as an op of its own, x[n,c,o] * w[c,m,r] is added to y[n, m, o*stride + r*dilation - pad]. Operands: x [N, C, spatial...],
/// w [C, M/groups, kernel...], optional bias [M]; 1 to 3 spatial axes. The reference sums in double precision and rounds once.
/// </summary>
public sealed record ConvTranspose : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ConvTranspose", Read) { MinInputs = 2, MaxInputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>Strides, padding (which shortens the output) and dilations; the window's size is the weight's.</summary>
    public WindowAttributes Window { get; init; } = new();

    /// <summary>Groups that the channels are divided into.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Elements added at the end of each spatial axis of the output; empty: 0.</summary>
    public ValueList<int> OutputPadding { get; init; } = [];

    /// <summary>The spatial sizes of the output, from which the padding is then computed; empty: computed from the padding.</summary>
    public ValueList<int> OutputSizes { get; init; } = [];

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (x, w) = (Reals.FloatType(context, 0), Reals.FloatType(context, 1));
        if (x.Rank < 3 || w.Rank != x.Rank) throw context.Error($"expected data [N, C, spatial...] and a weight of the same rank, got ranks {x.Rank} and {w.Rank}");
        var kernel = ConvolutionTypes.KernelOf(context, w, Window);
        Window.Check(context, kernel.Length, kernel);
        if (!Sizes.MayBeEqual(x[1], w[0])) throw context.Error($"the weight has {w[0]} input channels, the data has {x[1]}");
        if (Groups < 1 || (x[1].IsFixed && x[1].Size % Groups != 0)) throw context.Error($"{x[1]} channels cannot be divided into {Groups} groups");
        if (context.Has(2) && (context.Type(2).Rank != 1 || !Sizes.MayBeEqual(context.Type(2)[0], w[1] * Groups))) throw context.Error($"the bias must have one element per output channel ({w[1] * Groups})");
        foreach (var (list, name) in new[] { (OutputPadding, "output_padding"), (OutputSizes, "output_shape") })
            if (list.Count != 0 && list.Count != kernel.Length) throw context.Error($"{name} needs {kernel.Length} entries, got {list}");
        return [x.With([x[0], w[1] * Groups, .. kernel.Select((size, axis) => OutputSize(x[axis + 2], size, axis))])];
    }

    private Dim OutputSize(Dim input, int kernel, int axis)
    {
        if (input.IsFixed) return Resolve(input.Size, kernel, axis).Input;
        if (OutputSizes.Count > 0) return OutputSizes[axis];
        var (one, two) = (Resolve(1, kernel, axis), Resolve(2, kernel, axis));
        // The size is stride * input + rest, whatever the padding mode.
        var (stride, rest) = (two.Input - one.Input, one.Input - (two.Input - one.Input));
        return input * stride + rest;
    }

    /// <summary>The window along one spatial axis of the convolution that this op is the adjoint of: its input is this op's output. Its padding may be negative.</summary>
    /// <param name="input">This op's input size.</param>
    /// <param name="kernel">The weight's size.</param>
    /// <param name="axis">The spatial axis, from 0.</param>
    public WindowAxis Resolve(int input, int kernel, int axis)
    {
        var window = new WindowAxis { Output = input, Kernel = kernel, Stride = At(Window.Strides, axis, 1), Dilation = At(Window.Dilations, axis, 1) };
        var full = checked(window.Stride * (input - 1) + At(OutputPadding, axis, 0) + window.Extent);
        var isSame = Window.AutoPad is AutoPad.SameUpper or AutoPad.SameLower;
        if (OutputSizes.Count == 0 && !isSame)
        {
            if (Window.AutoPad == AutoPad.NotSet) window = window with { PadBegin = At(Window.Pads, axis, 0), PadEnd = At(Window.Pads, axis + Window.Pads.Count / 2, 0) };
            return window with { Input = full - window.PadBegin - window.PadEnd };
        }
        var output = OutputSizes.Count > 0 ? OutputSizes[axis] : checked(input * window.Stride);
        var (padding, half) = (full - output, (int)Math.Floor((full - output) / 2.0));
        return window with
        {
            Input = output,
            PadBegin = Window.AutoPad == AutoPad.SameUpper ? half : padding - half,
            PadEnd = Window.AutoPad == AutoPad.SameUpper ? padding - half : half,
        };
    }

    private ValueList<WindowAxis> ResolveAll(Shape x, Shape w) => Enumerable.Range(0, x.Rank - 2).Select(axis => Resolve(x[axis + 2], w[axis + 2], axis)).ToValueList();

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, w) = (inputs[0]!, inputs[1]!);
        var axes = ResolveAll(x.Shape, w.Shape);
        var shape = new Shape([x.Shape[0], w.Shape[1] * Groups, .. axes.Select(axis => axis.Input)]);
        var y = new ConvolutionLoops(x.Shape[0], shape[1], x.Shape[1], Groups, WindowGeometry.Of(axes)).InputGradient(Reals.Of(x), Reals.Of(w));
        if (Reals.OfOptional(inputs, 2) is { } bias)
        {
            var size = ChannelStatistics.PlaneSize(shape);
            for (var i = 0; i < y.Length; i++) y[i] += bias[i / size % shape[1]];
        }
        return [Reals.Create(x.DataType, shape, y)];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var (x, w, dy) = (context.Input(0), context.Input(1), context.OutputGradient);
        ConvolutionTypes.FixedSizes(context.Node, x.Type);
        var kernel = w.Type.Dims.Skip(2).Select(dim => dim.Size).ToValueList();
        var axes = kernel.Select((size, axis) => Resolve(x.Type[axis + 2].Size, size, axis)).ToArray();
        // dx is the convolution of dy with w that gives exactly x's sizes: what lies before its first window and after its last one is cut off.
        var begins = axes.Select(axis => axis.PadBegin).ToArray();
        var ends = axes.Select((axis, i) => axis.Stride * (x.Type[i + 2].Size - 1) + axis.Extent - axis.Input - axis.PadBegin).ToArray();
        var window = Window with { KernelShape = kernel, AutoPad = AutoPad.NotSet, Pads = [.. begins.Concat(ends).Select(pad => Math.Max(pad, 0))] };
        var seen = Cut(context, begins, ends, axes);
        return
        [
            context.Needs(0) ? context.Emit(new Conv { Window = window, Groups = Groups }, seen, w) : null,
            context.Needs(1) ? context.Emit(new ConvWeightGradient { Window = window, Groups = Groups }, x, seen) : null,
            context.Needs(2) ? context.Emit(new ReduceSum([0, .. Enumerable.Range(2, kernel.Count)], KeepDims: false), dy) : null,
        ];
    }

    /// <summary>The gradient without the elements that negative paddings stand for; a convolution leaves out fewer than a stride at the end by itself.</summary>
    private static Value Cut(GradientContext context, int[] begins, int[] ends, WindowAxis[] axes)
    {
        var cut = Enumerable.Range(0, axes.Length).Where(i => begins[i] < 0 || ends[i] <= -axes[i].Stride).ToArray();
        if (cut.Length == 0) return context.OutputGradient;
        var from = context.Integers([.. cut.Select(i => (long)Math.Max(-begins[i], 0))]);
        var to = context.Integers([.. cut.Select(i => (long)axes[i].Input - Math.Max(-ends[i], 0))]);
        return context.Emit(new Slice(), context.OutputGradient, from, to, context.Integers([.. cut.Select(i => i + 2L)]));
    }

    /// <inheritdoc/>
    public override long Cost(Node node) => ConvolutionTypes.MultiplyAccumulates(node.Inputs[0]!.Type, node.Inputs[1]!.Type);

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        Window.Write(writer);
        if (Groups != 1) writer.Int("group", Groups);
        if (OutputPadding.Count > 0) writer.Ints("output_padding", OutputPadding);
        if (OutputSizes.Count > 0) writer.Ints("output_shape", OutputSizes);
    }

    private static int At(ValueList<int> list, int index, int fallback) => index < list.Count ? list[index] : fallback;

    private static ConvTranspose Read(OpReader reader) => new()
    {
        Window = WindowAttributes.Read(reader),
        Groups = reader.Int32("group", 1),
        OutputPadding = reader.Ints("output_padding") ?? [],
        OutputSizes = reader.Ints("output_shape") ?? [],
    };
}
