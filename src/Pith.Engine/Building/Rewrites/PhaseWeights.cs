using Pith.Ops;

namespace Pith.Building;

/// <summary>The taps of one phase along one axis: tap u of <paramref name="Count"/> is tap First + (Count - 1 - u) * Stride of the original's.</summary>
internal readonly record struct PhaseTaps(int Count, int First, int Stride)
{
    /// <summary>The original tap, counted with its dilation.</summary>
    public int Original(int tap) => First + (Count - 1 - tap) * Stride;
}

/// <summary>The constant weights of a transposed convolution, float or quantized, from which those of its phases are made.</summary>
internal sealed class PhaseWeights
{
    private readonly Tensor _weights;
    private readonly Node? _dequantize;
    private readonly int _groups;
    private readonly string _name;

    private PhaseWeights(Tensor weights, Node? dequantize, int groups, string name) => (_weights, _dequantize, _groups, _name) = (weights, dequantize, groups, name);

    /// <summary>[C, M / groups, R, S].</summary>
    public Shape Shape => _weights.Shape;

    public int OutChannels => Shape[1] * _groups;

    /// <summary>The weights, or null when they are not constant, or are quantized along another axis than their output channels.</summary>
    public static PhaseWeights? Of(Value weight, int groups)
    {
        if (weight.Constant is Tensor<float> floats) return new PhaseWeights(floats, null, groups, weight.Name);
        if (weight.Producer is not { Op: DequantizeLinear { BlockSize: 0 } op } node) return null;
        if (WeightOperand.Evaluate(node.Input(0)!) is not { } integers || integers is not (Tensor<sbyte> or Tensor<byte>) || WeightOperand.Evaluate(node.Input(1)!) is not Tensor<float> scale) return null;
        if (node.Input(2) is { } zero && (WeightOperand.Evaluate(zero) is not { } zeros || !IsZero(zeros))) return null;
        return scale.Length == 1 || ((op.Axis < 0 ? op.Axis + 4 : op.Axis) == 1 && integers.Shape.Rank == 4) ? new PhaseWeights(integers, node, groups, weight.Name) : null;
    }

    /// <summary>The kernel [phases * M, C / groups, rows, columns] of a convolution, the phases given by their taps along both axes; dequantized if the original is.</summary>
    public Value Kernel(Graph graph, WindowAxis[] axes, (PhaseTaps Rows, PhaseTaps Columns)[] phases)
    {
        Tensor kernel = _weights switch
        {
            Tensor<float> w => Kernel(w, axes, phases),
            Tensor<sbyte> w => Kernel(w, axes, phases),
            var w => Kernel(w.As<byte>(), axes, phases),
        };
        var constant = graph.AddConstant($"{_name}/phase", kernel);
        if (_dequantize is null) return constant;
        var scale = WeightOperand.Evaluate(_dequantize.Input(1)!)!;
        // Zero points are 0, and stay away; scales are one per channel of a group.
        if (scale.Length > 1) scale = Repeated(scale, phases.Length * _groups);
        return graph.AddNode(new DequantizeLinear { Axis = 0 }, [constant, graph.AddConstant($"{_name}/scale", scale)], $"{_name}/phase").Output;
    }

    /// <summary>A constant bias [M], dequantized or not, <paramref name="count"/> times after itself.</summary>
    public static Value Repeated(Graph graph, Value bias, int count)
    {
        if (bias.Constant is { } constant) return graph.AddConstant(bias.Name, Repeated(constant, count));
        if (bias.Producer is { Op: DequantizeLinear { BlockSize: 0 } op } node && WeightOperand.Evaluate(node.Input(0)!) is Tensor<int> integers && WeightOperand.Evaluate(node.Input(1)!) is { } scale && node.Input(2) is null)
        {
            var (ints, scales) = (graph.AddConstant(bias.Name, Repeated(integers, count)), graph.AddConstant($"{bias.Name}/scale", scale.Length > 1 ? Repeated(scale, count) : scale));
            return graph.AddNode(op, [ints, scales], node.Name).Output;
        }
        return graph.AddConstant(bias.Name, Repeated(WeightOperand.Evaluate(bias)!, count));
    }

    private Tensor<T> Kernel<T>(Tensor<T> w, WindowAxis[] axes, (PhaseTaps Rows, PhaseTaps Columns)[] phases) where T : unmanaged
    {
        var (inPerGroup, outPerGroup) = (Shape[0] / _groups, Shape[1]);
        var (rows, columns) = (phases[0].Rows.Count, phases[0].Columns.Count);
        var kernel = Tensor.Zeros<T>(new Shape(phases.Length * OutChannels, inPerGroup, rows, columns));
        var at = 0;
        foreach (var phase in phases)
        for (var m = 0; m < OutChannels; m++)
        for (var c = 0; c < inPerGroup; c++)
        for (var row = 0; row < rows; row++)
        for (var column = 0; column < columns; column++, at++)
            if (Tap(axes[0], phase.Rows.Original(row)) is { } r && Tap(axes[1], phase.Columns.Original(column)) is { } s)
                kernel.Data[at] = w.Data[(((m / outPerGroup * inPerGroup + c) * outPerGroup + m % outPerGroup) * Shape[2] + r) * Shape[3] + s];
        return kernel;
    }

    // The tap at a distance from the first; null between dilated taps and outside.
    private static int? Tap(WindowAxis axis, int distance) => distance >= 0 && distance % axis.Dilation == 0 && distance / axis.Dilation < axis.Kernel ? distance / axis.Dilation : null;

    private static Tensor Repeated(Tensor tensor, int count) => count == 1 ? tensor : new Concat(0).Evaluate([.. Enumerable.Repeat(tensor, count)], 1)[0];

    private static bool IsZero(Tensor zeros) => zeros switch
    {
        Tensor<sbyte> z => z.Data.All(value => value == 0),
        Tensor<byte> z => z.Data.All(value => value == 0),
        _ => false,
    };
}
