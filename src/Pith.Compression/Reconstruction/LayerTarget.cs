using Pith.Ops;

namespace Pith.Compression.Reconstruction;

/// <summary>
/// Which results a layer should give so that what the network makes of them right afterwards is as in the float network: after batch norm that is not folded; after a residual Add, whose other operand has errors of its own that
/// the layer may make up for; and up to the bounds of an activation and of the quantization after it, beyond which all values are alike. Where the float network and the quantized one lie beyond the same bound, the layer's present result is as good as any, so it is
/// the target; repeated, that minimises the error after the bounds (a majorizer of it is minimised each time). Without it, least squares would be busy with outliers that are clipped anyway.
/// </summary>
internal sealed class LayerTarget
{
    // Channels that batch norm multiplies by less than this, relative to the largest factor, cannot make up for anything.
    private const double SmallestFactor = 1e-3;

    private readonly Value _result, _sum;
    private readonly float _low, _high;
    private readonly float[] _shares;

    private LayerTarget(Value result, Value sum, float low, float high, IReadOnlyList<double>? factors)
    {
        (_result, _sum, _low, _high, Factors) = (result, sum, low, high, factors);
        _shares = Shares();
    }

    /// <summary>What batch norm multiplies each output channel of the layer by; null when none follows.</summary>
    public IReadOnlyList<double>? Factors { get; }

    /// <summary>The values of the changed network that <see cref="Aim"/> needs: the layer's result, and the sum that it is an operand of.</summary>
    public IReadOnlyList<Value> Values => ReferenceEquals(_result, _sum) ? [_result] : [_result, _sum];

    /// <summary>The node whose result is compared with that of the float network.</summary>
    public Node Compared => _sum.Producer!;

    /// <summary>Looks at what follows a layer in the changed network.</summary>
    public static LayerTarget After(LinearLayer layer)
    {
        var result = layer.Result;
        var (sum, factors) = (result, (IReadOnlyList<double>?)null);
        if (layer.Node.Op is Conv && sum.SingleConsumer is { Op: BatchNormalization op } norm && ChannelAffine.OfBatchNorm(norm, op) is { IsFinite: true } affine) (sum, factors) = (norm.Output, affine.Scale);
        if (sum.SingleConsumer is { Op: Add } add && add.Output.Type == sum.Type) sum = add.Output;
        var (low, high) = (float.NegativeInfinity, float.PositiveInfinity);
        var last = sum;
        if (sum.SingleConsumer is { Op: Relu or Clip } activation && ReferenceEquals(activation.Inputs[0], sum))
        {
            last = activation.Output;
            if (activation.Op is Relu) low = 0;
            else (low, high) = (Bound(activation, 1, low), Bound(activation, 2, high));
        }
        if (!last.IsGraphOutput && last.Uses is [{ Index: 0, Node: { Op: QuantizeLinear { BlockSize: 0 } } quantize }] && QuantizedRange(quantize) is var (smallest, largest))
            (low, high) = (Math.Max(low, smallest), Math.Min(high, largest));
        return low < high ? new LayerTarget(result, sum, low, high, factors) : new LayerTarget(result, sum, float.NegativeInfinity, float.PositiveInfinity, factors);
    }

    /// <summary>The layer's result among the values of the changed network.</summary>
    public Value Result => _result;

    /// <summary>The sum that the layer's result is an operand of, or the result itself.</summary>
    public Value Sum => _sum;

    /// <summary>Turns results of <see cref="Compared"/> in the float network into results that the layer should give.</summary>
    /// <param name="wanted">The channels of one group, at one place; receives what the layer should give there.</param>
    /// <param name="sums">Those of <see cref="Sum"/> in the changed network.</param>
    /// <param name="results">Those of <see cref="Result"/>.</param>
    /// <param name="first">The group's first channel.</param>
    public void Aim(Span<float> wanted, ReadOnlySpan<float> sums, ReadOnlySpan<float> results, int first)
    {
        for (var k = 0; k < wanted.Length; k++)
        {
            var (want, sum) = (wanted[k], sums[k]);
            if (want <= _low) want = Math.Min(sum, _low);
            else if (want >= _high) want = Math.Max(sum, _high);
            wanted[k] = (want - sum) * (_shares.Length == 1 ? _shares[0] : _shares[first + k]) + results[k];
        }
    }

    /// <summary>By how much a channel of the layer's result changes for 1 after batch norm; one number for all without it.</summary>
    private float[] Shares()
    {
        if (Factors is null) return [1];
        var smallest = SmallestFactor * Factors.Max(Math.Abs);
        return [.. Factors.Select(factor => Math.Abs(factor) > smallest ? (float)(1 / factor) : 0)];
    }

    private static (float Smallest, float Largest)? QuantizedRange(Node quantize)
    {
        if (quantize.Inputs[1]?.Constant is not Tensor<float> { Length: 1 } scale) return null;
        var (smallest, largest) = quantize.Output.Type.DataType == DataType.UInt8 ? (0, 255) : (-128, 127);
        var zeroPoint = quantize.Input(2)?.Constant switch { Tensor<byte> { Length: 1 } unsigned => unsigned.Data[0], Tensor<sbyte> { Length: 1 } signed => signed.Data[0], _ => 0 };
        return ((smallest - zeroPoint) * scale.Data[0], (largest - zeroPoint) * scale.Data[0]);
    }

    private static float Bound(Node clip, int index, float absent) => clip.Input(index) is { } bound ? bound.Constant is Tensor<float> { Length: 1 } constant ? constant.Data[0] : absent : absent;
}
