namespace Pith.Ops;

/// <summary>How a window that would reach over the edge of its input is padded: ONNX <c>auto_pad</c>.</summary>
public enum AutoPad
{
    /// <summary>Explicit <see cref="WindowAttributes.Pads"/>.</summary>
    NotSet,
    /// <summary>The output has ceil(input / stride) elements; the odd element of padding is at the end.</summary>
    SameUpper,
    /// <summary>The output has ceil(input / stride) elements; the odd element of padding is at the beginning.</summary>
    SameLower,
    /// <summary>No padding.</summary>
    Valid,
}

/// <summary>
/// The attributes of a sliding window that convolution and pooling share. Lists have one entry per spatial axis (H, W for images); an empty list means the
/// default. <see cref="Resolve"/> settles defaults and automatic padding against an input.
/// </summary>
public sealed record WindowAttributes
{
    /// <summary>The most spatial axes that the ops of Pith work on.</summary>
    public const int MaxSpatialAxes = 3;

    /// <summary>The window's size; empty for convolutions, which take it from the weight.</summary>
    public ValueList<int> KernelShape { get; init; } = [];

    /// <summary>Steps of the window in elements; empty: 1.</summary>
    public ValueList<int> Strides { get; init; } = [];

    /// <summary>Distances between the window's elements; empty: 1. A list of ones becomes empty, because AveragePool has the attribute since opset 19 only.</summary>
    public ValueList<int> Dilations { get; init => field = value.All(distance => distance == 1) ? [] : value; } = [];

    /// <summary>Padding in elements, ONNX order: all beginnings, then all ends; empty: 0. Only with <see cref="Ops.AutoPad.NotSet"/>.</summary>
    public ValueList<int> Pads { get; init; } = [];

    /// <summary>Whether padding is computed from the input's size.</summary>
    public AutoPad AutoPad { get; init; }

    /// <summary>Pooling only: an incomplete last window counts, provided that it starts inside the input or its left padding.</summary>
    public bool CeilMode { get; init; }

    /// <summary>What differs from the defaults: <c>kernel [3,3] strides [2,2] pads [1,1,1,1]</c>.</summary>
    public override string ToString()
    {
        var parts = new List<string>();
        if (KernelShape.Count > 0) parts.Add($"kernel {KernelShape}");
        if (Strides.Any(stride => stride != 1)) parts.Add($"strides {Strides}");
        if (Dilations.Count > 0) parts.Add($"dilations {Dilations}");
        if (Pads.Any(pad => pad != 0)) parts.Add($"pads {Pads}");
        if (AutoPad != AutoPad.NotSet) parts.Add($"auto_pad {AutoPad}");
        if (CeilMode) parts.Add("ceil_mode");
        return parts.Count > 0 ? string.Join(" ", parts) : "default";
    }

    /// <summary>The same numbers along <paramref name="axes"/> spatial axes.</summary>
    public static WindowAttributes Uniform(int kernel, int stride = 1, int pad = 0, int dilation = 1, int axes = 2) => new()
    {
        KernelShape = ValueList.Repeat(kernel, axes),
        Strides = ValueList.Repeat(stride, axes),
        Pads = ValueList.Repeat(pad, 2 * axes),
        Dilations = ValueList.Repeat(dilation, axes),
    };

    /// <summary>The window's size, strides, padding and dilation, complete, for an input of these spatial sizes.</summary>
    /// <param name="input">The spatial sizes of the input.</param>
    /// <param name="kernel">The window's size: <see cref="KernelShape"/>, or the weight's spatial sizes.</param>
    /// <returns>One entry per spatial axis.</returns>
    /// <exception cref="PithException">The window is larger than the padded input.</exception>
    public ValueList<WindowAxis> Resolve(ReadOnlySpan<int> input, ReadOnlySpan<int> kernel)
    {
        var axes = new WindowAxis[input.Length];
        for (var axis = 0; axis < axes.Length; axis++) axes[axis] = ResolveAxis(axis, input[axis], kernel[axis], input.Length);
        return ValueList.Create<WindowAxis>(axes);
    }

    /// <summary>The window over an input of which <paramref name="axis"/> has the size <paramref name="input"/>.</summary>
    private WindowAxis ResolveAxis(int axis, int input, int kernel, int axisCount)
    {
        var window = new WindowAxis { Input = input, Kernel = kernel, Stride = At(Strides, axis, 1), Dilation = At(Dilations, axis, 1) };
        if (AutoPad is AutoPad.SameUpper or AutoPad.SameLower)
        {
            var output = (input + window.Stride - 1) / window.Stride;
            var padding = Math.Max(0, checked((output - 1) * window.Stride + window.Extent - input));
            var (less, more) = (padding / 2, padding - padding / 2);
            return window with { Output = output, PadBegin = AutoPad == AutoPad.SameUpper ? less : more, PadEnd = AutoPad == AutoPad.SameUpper ? more : less };
        }
        if (AutoPad == AutoPad.NotSet) window = window with { PadBegin = At(Pads, axis, 0), PadEnd = At(Pads, axis + axisCount, 0) };
        var room = checked(input + window.PadBegin + window.PadEnd - window.Extent);
        if (room < 0) throw new PithException($"a window of {window.Extent} elements (kernel {kernel}, dilation {window.Dilation}) does not fit the padded input of {room + window.Extent} along spatial axis {axis}");
        var steps = CeilMode ? (room + window.Stride - 1) / window.Stride : room / window.Stride;
        if (CeilMode && steps * window.Stride >= input + window.PadBegin) steps--;
        return window with { Output = steps + 1 };
    }

    /// <summary>The spatial dimensions of the output; a symbolic input dimension gives the formula.</summary>
    internal Dim[] InferOutput(InferContext context, ReadOnlySpan<Dim> input, ReadOnlySpan<int> kernel)
    {
        Check(context, input.Length, kernel);
        var output = new Dim[input.Length];
        for (var axis = 0; axis < output.Length; axis++)
        {
            try
            {
                output[axis] = input[axis].IsFixed ? ResolveAxis(axis, input[axis].Size, kernel[axis], input.Length).Output : SymbolicOutput(axis, input[axis], kernel[axis], input.Length);
            }
            catch (PithException misfit)
            {
                throw context.Error(misfit.Message);
            }
        }
        return output;
    }

    private Dim SymbolicOutput(int axis, Dim input, int kernel, int axisCount)
    {
        var stride = At(Strides, axis, 1);
        if (AutoPad is AutoPad.SameUpper or AutoPad.SameLower) return Dim.CeilDivide(input, stride);
        var (begin, end) = AutoPad == AutoPad.NotSet ? (At(Pads, axis, 0), At(Pads, axis + axisCount, 0)) : (0, 0);
        var room = input + begin + end - checked((kernel - 1) * At(Dilations, axis, 1) + 1);
        if (!CeilMode) return Dim.FloorDivide(room, stride) + 1;
        // One less when the last window would begin after the input and its left padding, see ResolveAxis.
        var (steps, starts) = (Dim.CeilDivide(room, stride), Dim.CeilDivide(input + begin, stride));
        return Dim.Min(steps, Dim.Max(steps - 1, starts - 1)) + 1;
    }

    /// <summary>Throws when a list has the wrong length or a number is out of range.</summary>
    internal void Check(InferContext context, int spatialAxes, ReadOnlySpan<int> kernel)
    {
        if (spatialAxes is < 1 or > MaxSpatialAxes) throw context.Error($"works on 1 to {MaxSpatialAxes} spatial axes, got {spatialAxes}");
        if (kernel.Length != spatialAxes) throw context.Error($"kernel_shape has {kernel.Length} entries, the input has {spatialAxes} spatial axes");
        CheckList(context, "strides", Strides, spatialAxes, 1);
        CheckList(context, "dilations", Dilations, spatialAxes, 1);
        CheckList(context, "pads", Pads, 2 * spatialAxes, 0);
        foreach (var size in kernel) if (size < 1) throw context.Error($"kernel_shape must be positive, got [{string.Join(",", kernel.ToArray())}]");
    }

    private static void CheckList(InferContext context, string name, ValueList<int> list, int count, int smallest)
    {
        if (list.Count != 0 && list.Count != count) throw context.Error($"{name} needs {count} entries, got {list}");
        foreach (var item in list.Span) if (item < smallest) throw context.Error($"{name} must be at least {smallest}, got {list}");
    }

    private static int At(ValueList<int> list, int index, int fallback) => index < list.Count ? list[index] : fallback;

    internal static WindowAttributes Read(OpReader reader) => new()
    {
        KernelShape = reader.Ints("kernel_shape") ?? [],
        Strides = reader.Ints("strides") ?? [],
        Dilations = reader.Ints("dilations") ?? [],
        Pads = reader.Ints("pads") ?? [],
        AutoPad = reader.Text("auto_pad", "NOTSET") switch
        {
            "NOTSET" or "" => AutoPad.NotSet,
            "SAME_UPPER" => AutoPad.SameUpper,
            "SAME_LOWER" => AutoPad.SameLower,
            "VALID" => AutoPad.Valid,
            var other => throw reader.Error($"auto_pad must be NOTSET, SAME_UPPER, SAME_LOWER or VALID, got '{other}'"),
        },
    };

    internal void Write(OpWriter writer)
    {
        if (KernelShape.Count > 0) writer.Ints("kernel_shape", KernelShape);
        if (Strides.Count > 0) writer.Ints("strides", Strides);
        if (Dilations.Count > 0) writer.Ints("dilations", Dilations);
        if (AutoPad == AutoPad.NotSet && Pads.Count > 0) writer.Ints("pads", Pads);
        if (AutoPad != AutoPad.NotSet) writer.Text("auto_pad", AutoPad switch { AutoPad.SameUpper => "SAME_UPPER", AutoPad.SameLower => "SAME_LOWER", _ => "VALID" });
    }
}
