using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// A weight whose output channels can be multiplied in place: a float constant, or a quantized one (DequantizeLinear of integers, or of QuantizeLinear of a float
/// constant), whose per-channel scales take the magnitude of the factor and whose integers take its sign.
/// </summary>
internal sealed class FoldableWeight
{
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

    /// <summary>Multiplies output channel c by <paramref name="factors"/>[c].</summary>
    /// <returns>False, with nothing changed, when the weight has no form that allows it.</returns>
    public bool TryScale(double[] factors)
    {
        if (Weight.Constant is { } weight)
        {
            _graph.SetConstantOperand(_node, 1, Scaled(weight, factors), Weight.Name);
            return true;
        }
        if (Weight.Producer is not { Op: DequantizeLinear { BlockSize: 0 } } dequantize || Weight.SingleConsumer != _node || !_layout.HasIndexPerChannel) return false;
        return TryScale(dequantize, factors);
    }

    private bool TryScale(Node dequantize, double[] factors)
    {
        if (dequantize.Inputs[1]!.Constant is not { } scale) return false;
        var zeroPoint = dequantize.Input(2);
        if (zeroPoint is not null && (zeroPoint.Constant is null || zeroPoint.Constant.ConvertTo(DataType.Int64).ToInt64s().Any(zero => zero != 0))) return false;
        var isVector = scale.Length > 1;
        if (isVector && Sizes.Axis(((DequantizeLinear)dequantize.Op).Axis, Weight.Type.Rank) != _layout.ChannelAxis) return false;

        var scales = ScaledScales(scale, factors);
        if (dequantize.Inputs[0]!.Constant is { } integers)
        {
            if (WithSigns(integers, factors) is not { } signed) return false;
            Rebuild(dequantize, _graph.AddConstant(dequantize.Inputs[0]!.Name, signed), scales, new DequantizeLinear { Axis = _layout.ChannelAxis });
            return true;
        }
        if (dequantize.Inputs[0]!.Producer is not { Op: QuantizeLinear { BlockSize: 0 } } quantize || quantize.Output.SingleConsumer != dequantize) return false;
        if (quantize.Inputs[0]!.Constant is not { } real || quantize.Inputs[1]!.Constant is not { } given || !given.Bytes.SequenceEqual(scale.Bytes)) return false;
        // Real weights go through the same rounding as before, relative to their scale.
        var op = (QuantizeLinear)quantize.Op;
        var requantized = Rebuild(quantize, _graph.AddConstant(quantize.Inputs[0]!.Name, Scaled(real, factors)), scales, new QuantizeLinear { Axis = _layout.ChannelAxis, OutputType = op.OutputType });
        Rebuild(requantized.Output.SingleConsumer!, requantized.Output, scales, new DequantizeLinear { Axis = _layout.ChannelAxis });
        return true;
    }

    // The node with other data and one scale per channel; data that nobody reads any more gives its name away.
    private Node Rebuild(Node node, Value data, Tensor scales, Op op)
    {
        var oldData = node.Inputs[0]!;
        Value?[] inputs = [data, _graph.AddConstant(node.Inputs[1]!.Name, scales), node.Input(2) is { } zeros ? PerChannelZeros(zeros) : null];
        var made = _graph.Substitute(node, op, inputs[2] is null ? inputs.AsSpan(0, 2) : inputs);
        if (oldData is { Constant: not null, Uses.Count: 0 } && !ReferenceEquals(oldData, data))
        {
            var name = oldData.Name;
            _graph.Remove(oldData);
            _graph.Rename(data, name);
        }
        return made;
    }

    private Value PerChannelZeros(Value zeros) =>
        zeros.Type.Rank == 1 && zeros.Type[0] == _layout.Channels ? zeros : _graph.AddConstant(zeros.Name, Tensor.Zeros(zeros.Type.DataType, new Shape(_layout.Channels)));

    // A factor of 0 keeps the scale (it must be positive) and clears the integers instead.
    private static Tensor ScaledScales(Tensor scale, double[] factors)
    {
        var scales = Reals.Of(scale);
        return Reals.Create(scale.DataType, new Shape(factors.Length), [.. factors.Select((factor, c) => scales[scales.Length == 1 ? 0 : c] * (factor == 0 ? 1 : Math.Abs(factor)))]);
    }

    private Tensor Scaled(Tensor weight, double[] factors) =>
        Reals.Create(weight.DataType, weight.Shape, [.. Reals.Of(weight).Select((element, i) => element * factors[_layout.ChannelOf(i)])]);

    // Null when a sign cannot be turned: the smallest integer has no counterpart, and unsigned ones have none at all.
    private Tensor? WithSigns(Tensor integers, double[] factors)
    {
        var (smallest, largest) = AffineQuantization.RangeOf(integers.DataType);
        var signed = integers.ConvertTo(DataType.Int32).As<int>().Clone();
        for (var i = 0; i < signed.Length; i++)
        {
            signed.Data[i] *= Math.Sign(factors[_layout.ChannelOf(i)]);
            if (signed.Data[i] < smallest || signed.Data[i] > largest) return null;
        }
        return signed.ConvertTo(integers.DataType);
    }
}
