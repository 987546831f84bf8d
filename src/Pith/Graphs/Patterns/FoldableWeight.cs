using Pith.Ops;

namespace Pith;

/// <summary>
/// A weight whose output channels can be multiplied in place: a float constant, or a quantized one (DequantizeLinear of integers, or of QuantizeLinear of a float
/// constant), whose per-channel scales take the magnitude of the factor and whose integers take its sign.
/// </summary>
internal sealed class FoldableWeight
{
    // A channel whose products are too small for normal numbers may be rounded, or cleared, when its bias exceeds them by this factor at least: then it takes data of more than 2^26 to see the difference.
    private const double Negligible = 1 << 26;

    private readonly Graph _graph;
    private readonly Node _node;
    private readonly WeightLayout _layout;

    public FoldableWeight(Graph graph, Node node, WeightLayout layout)
    {
        _graph = graph;
        _node = node;
        _layout = layout;
    }

    private Value Weight => _node.Inputs[1]!;

    /// <summary>Multiplies output channel c by <paramref name="factors"/>[c], when nothing of what the channel computes is lost by it.</summary>
    /// <param name="factors">Finite, one per output channel.</param>
    /// <param name="bias">What is added to each channel afterwards: beside it a product may be negligible.</param>
    /// <returns>
    /// False, with nothing changed, when the weight has no form that allows it: scales or products would leave the range of their type, or an integer with the opposite sign does not
    /// exist (the smallest one; in unsigned types all but the zero point).
    /// </returns>
    public bool TryScale(double[] factors, double[] bias)
    {
        if (Weight.Constant is { } weight)
        {
            if (!FitsFloats(weight, factors, bias)) return false;
            _graph.SetConstantOperand(_node, 1, Scaled(weight, factors), Weight.Name);
            return true;
        }
        if (Weight.Producer is not { Op: DequantizeLinear { BlockSize: 0 } } dequantize || Weight.SingleConsumer != _node || !_layout.HasIndexPerChannel) return false;
        if (Parameters(dequantize) is not { } parameters) return false;
        var (smallest, largest) = AffineQuantization.RangeOf(dequantize.Inputs[0]!.Type.DataType);
        var effective = parameters.Scales.Select((scale, c) => Effective(scale, factors[c], bias[c], parameters.Type, (double)largest - smallest)).ToArray();
        if (effective.Contains(null)) return false;
        var known = effective.Select(factor => factor!.Value).ToArray();
        if (dequantize.Inputs[0]!.Constant is { } integers) return TryScaleIntegers(dequantize, integers, parameters, known);
        return dequantize.Inputs[0]!.Producer is { Op: QuantizeLinear { BlockSize: 0 } } quantize && TryScaleReals(quantize, dequantize, parameters, known);
    }

    private bool TryScaleIntegers(Node dequantize, Tensor integers, QuantizedChannels parameters, double[] factors)
    {
        if (Turned(integers, parameters.ZeroPoints, factors) is not { } turned) return false;
        var data = ReferenceEquals(turned, integers) ? dequantize.Inputs[0]! : _graph.AddConstant(dequantize.Inputs[0]!.Name, turned);
        Rebuild(dequantize, data, ScaledScales(parameters, factors), new DequantizeLinear { Axis = _layout.ChannelAxis });
        return true;
    }

    // Real weights go through the same rounding as before, relative to their scale.
    private bool TryScaleReals(Node quantize, Node dequantize, QuantizedChannels parameters, double[] factors)
    {
        if (quantize.Output.SingleConsumer != dequantize || quantize.Inputs[0]!.Constant is not { } real || !HasSameParameters(quantize, dequantize)) return false;
        var integers = quantize.Op.Evaluate([real, quantize.Inputs[1]!.Constant, quantize.Input(2)?.Constant], 1)[0];
        if (Turned(integers, parameters.ZeroPoints, factors) is not { } turned) return false;
        var scales = ScaledScales(parameters, factors);
        var op = new QuantizeLinear { Axis = _layout.ChannelAxis, OutputType = ((QuantizeLinear)quantize.Op).OutputType };
        if (RealsOf(turned, Scaled(real, factors), op, scales, quantize.Input(2)) is not { } scaled) return false;
        var requantized = Rebuild(quantize, _graph.AddConstant(quantize.Inputs[0]!.Name, scaled), scales, op);
        Rebuild(requantized.Output.SingleConsumer!, requantized.Output, scales, new DequantizeLinear { Axis = _layout.ChannelAxis });
        return true;
    }

    /// <summary>
    /// <paramref name="scaled"/>, whose quantization gives <paramref name="integers"/>. A weight on the edge between two steps may fall to the other side when it and its scale are multiplied and
    /// rounded: it is replaced by the middle of its step. Null when a scale is such that not even that helps.
    /// </summary>
    private Tensor? RealsOf(Tensor integers, Tensor scaled, QuantizeLinear quantize, Tensor scales, Value? zeros)
    {
        var zeroPoints = zeros is null ? null : PerChannelZeros(zeros.Constant!);
        var wanted = QuantizeLinear.Integers(integers);
        var got = QuantizeLinear.Integers(quantize.Evaluate([scaled, scales, zeroPoints], 1)[0]);
        if (wanted.AsSpan().SequenceEqual(got)) return scaled;
        var middles = Reals.Of(new DequantizeLinear { Axis = _layout.ChannelAxis }.Evaluate([integers, scales, zeroPoints], 1)[0]);
        var elements = Reals.Of(scaled).Select((element, i) => wanted[i] == got[i] ? element : middles[i]).ToArray();
        var corrected = Reals.Create(scaled.DataType, scaled.Shape, elements);
        return wanted.AsSpan().SequenceEqual(QuantizeLinear.Integers(quantize.Evaluate([corrected, scales, zeroPoints], 1)[0])) ? corrected : null;
    }

    // The node with other data and one scale per channel; data that nobody reads any more gives its name away.
    private Node Rebuild(Node node, Value data, Tensor scales, Op op)
    {
        var oldData = node.Inputs[0]!;
        var zeros = node.Input(2) is { } given ? given.Type.Rank == 1 && given.Type[0] == _layout.Channels ? given : _graph.AddConstant(given.Name, PerChannelZeros(given.Constant!)) : null;
        Value?[] inputs = [data, _graph.AddConstant(node.Inputs[1]!.Name, scales), zeros];
        var made = _graph.Substitute(node, op, zeros is null ? inputs.AsSpan(0, 2) : inputs);
        if (oldData is { Constant: not null, Uses.Count: 0, IsGraphOutput: false } && !ReferenceEquals(oldData, data))
        {
            var name = oldData.Name;
            _graph.Remove(oldData);
            _graph.Rename(data, name);
        }
        return made;
    }

    /// <summary>The zero point of each channel.</summary>
    private Tensor PerChannelZeros(Tensor zeros)
    {
        if (zeros.Length == _layout.Channels) return zeros.Reshape(new Shape(_layout.Channels));
        return Tensor.Create(new Shape(_layout.Channels), Enumerable.Repeat(QuantizeLinear.Integers(zeros)[0], _layout.Channels).ToArray()).ConvertTo(zeros.DataType);
    }

    /// <summary>Scale and zero point of each channel; null when they are computed, or lie along another axis.</summary>
    private QuantizedChannels? Parameters(Node dequantize)
    {
        if (dequantize.Inputs[1]!.Constant is not { } scale || dequantize.Input(2) is { Constant: null }) return null;
        if (scale.Length > 1 && Sizes.Axis(((DequantizeLinear)dequantize.Op).Axis, Weight.Type.Rank) != _layout.ChannelAxis) return null;
        var (scales, zeros) = (Reals.Of(scale), dequantize.Input(2) is { } zero ? QuantizeLinear.Integers(zero.Constant!) : [0]);
        return new QuantizedChannels(
            [.. Enumerable.Range(0, _layout.Channels).Select(c => scales[scales.Length == 1 ? 0 : c])],
            [.. Enumerable.Range(0, _layout.Channels).Select(c => zeros[zeros.Length == 1 ? 0 : c])],
            scale.DataType);
    }

    private static bool HasSameParameters(Node quantize, Node dequantize)
    {
        if (((QuantizeLinear)quantize.Op).Axis != ((DequantizeLinear)dequantize.Op).Axis) return false;
        return SameBytes(quantize.Input(1), dequantize.Input(1)) && (quantize.Input(2) is null) == (dequantize.Input(2) is null) && (quantize.Input(2) is null || SameBytes(quantize.Input(2), dequantize.Input(2)));
    }

    private static bool SameBytes(Value? left, Value? right) => left?.Constant is { } a && right?.Constant is { } b && a.Length == b.Length && a.Bytes.SequenceEqual(b.Bytes);

    /// <summary>
    /// The factor that a channel's scale and integers take: the given one; 0, which clears the integers, for a channel that vanishes beside its bias; null when the scale cannot take it.
    /// </summary>
    /// <param name="scale">The scale as it is.</param>
    /// <param name="factor">Finite.</param>
    /// <param name="bias">What is added to the channel.</param>
    /// <param name="type">The type of the scale and of the weight.</param>
    /// <param name="steps">The largest distance between an integer and its zero point: a weight of this many steps must be finite too.</param>
    private static double? Effective(double scale, double factor, double bias, DataType type, double steps)
    {
        if (!double.IsFinite(scale)) return null;
        var (scaled, smallest) = (Math.Abs(scale * factor), SmallestNormal(type));
        // A scale of 0 stands for zeros, whatever the factor.
        if (scaled == 0 && (scale == 0 || factor == 0) || scaled >= smallest && double.IsFinite(RoundedTo(type, scaled * steps))) return factor;
        return scaled < smallest && Math.Abs(bias) >= smallest * Negligible ? 0 : null;
    }

    // A factor of 0 keeps the scale, which most runtimes want to be positive, and clears the integers instead.
    private static Tensor ScaledScales(QuantizedChannels parameters, double[] factors) =>
        Reals.Create(parameters.Type, new Shape(factors.Length), [.. factors.Select((factor, c) => parameters.Scales[c] * (factor == 0 ? 1 : Math.Abs(factor)))]);

    // Zeros stay positive, whatever the factor's sign: pruned weights are compressed by their bits.
    private Tensor Scaled(Tensor weight, double[] factors) =>
        Reals.Create(weight.DataType, weight.Shape, [.. Reals.Of(weight).Select((element, i) => element * factors[_layout.ChannelOf(i)] + 0.0)]);

    /// <summary>Whether every product is a finite number of the weight's type and the largest of each channel a normal one, or nothing beside the bias.</summary>
    private bool FitsFloats(Tensor weight, double[] factors, double[] bias)
    {
        var largest = new double[_layout.Channels];
        var elements = Reals.Of(weight);
        for (var i = 0; i < elements.Length; i++)
        {
            var channel = _layout.ChannelOf(i);
            var product = Math.Abs(elements[i] * factors[channel]);
            // Math.Max passes NaN on.
            largest[channel] = Math.Max(largest[channel], product);
        }
        var smallest = SmallestNormal(weight.DataType);
        return largest.Select((product, c) => (Product: product, Bias: Math.Abs(bias[c])))
            .All(channel => double.IsFinite(RoundedTo(weight.DataType, channel.Product)) && (channel.Product == 0 || channel.Product >= smallest || channel.Bias >= smallest * Negligible));
    }

    // (q - z) times the sign of the channel's factor, plus z; the tensor itself when no sign turns, null when an integer does not exist.
    private Tensor? Turned(Tensor integers, int[] zeroPoints, double[] factors)
    {
        if (factors.All(factor => factor > 0)) return integers;
        var (smallest, largest) = AffineQuantization.RangeOf(integers.DataType);
        var turned = new int[integers.Length];
        var elements = QuantizeLinear.Integers(integers);
        for (var i = 0; i < turned.Length; i++)
        {
            var (zero, sign) = (zeroPoints[_layout.ChannelOf(i)], Math.Sign(factors[_layout.ChannelOf(i)]));
            var element = ((long)elements[i] - zero) * sign + zero;
            if (element < smallest || element > largest) return null;
            turned[i] = (int)element;
        }
        return Tensor.Create(integers.Shape, turned).ConvertTo(integers.DataType);
    }

    private static double RoundedTo(DataType type, double element) => Reals.Of(Reals.Create(type, new Shape(), [element]))[0];

    private static double SmallestNormal(DataType type) => type switch
    {
        DataType.Float16 => Math.ScaleB(1, -14),
        DataType.Float64 => Math.ScaleB(1, -1022),
        _ => Math.ScaleB(1, -126),
    };

    /// <summary>A scale and a zero point for each output channel.</summary>
    private sealed record QuantizedChannels(double[] Scales, int[] ZeroPoints, DataType Type);
}
