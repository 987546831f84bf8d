using Pith.Building;

namespace Pith.Kernels;

/// <summary>
/// The numbers in the epilogue of an INT8 contraction, rounded once from double precision. The value is the real one, divided by the output scale at the end, as QuantizeLinear does it: then the
/// integer engine gives bit for bit what a literal float run of the same Q/DQ graph gives wherever that run's sums are exact, which the scales that Pith chooses make them.
/// A multiplication by 1 / output scale would differ at ties and set off an avalanche of rounding differences. Where the output scale is a power of two both are the same,
/// and one multiplication does everything.
/// </summary>
internal sealed class ContractionConstants
{
    public ContractionConstants(ContractionLayer layer)
    {
        var int8 = layer.Int8!;
        var channels = int8.WeightScales.Count;
        var commutes = layer.Activation.Kind is ActivationKind.None or ActivationKind.Clip or ActivationKind.LeakyRelu;
        double unit = int8.Output is { } output && commutes && float.IsPow2(output.Scale) ? output.Scale : 1;
        Multiplier = new float[channels];
        Offset = new float[channels];
        for (var k = 0; k < channels; k++)
        {
            Multiplier[k] = (float)((double)int8.Input.Scale * int8.WeightScales[k] / unit);
            Offset[k] = int8.FloatBias.Count > 0 ? (float)(int8.FloatBias[k] / unit) : 0;
        }
        Accumulator = Accumulators(int8);
        HasResidual = layer.Residual is not null;
        ResidualMultiplier = int8.Residual is { } residual ? (float)(residual.Scale / unit) : 0;
        ResidualZeroPoint = int8.Residual?.StoredZeroPoint ?? 0;
        ResidualDivisor = (float)unit;
        Activation = layer.Activation.Kind == ActivationKind.Clip
            ? Activation.Clip((float)(layer.Activation.A / unit), (float)(layer.Activation.B / unit))
            : layer.Activation;
        OutputDivisor = int8.Output is { } quantized && unit == 1 ? quantized.Scale : 1;
        OutputZeroPoint = int8.Output?.StoredZeroPoint ?? 0;
    }

    /// <summary>Input scale * weight scale / unit, per output channel.</summary>
    public float[] Multiplier { get; }

    /// <summary>Float bias / unit, per output channel; zeros when there is none.</summary>
    public float[] Offset { get; }

    /// <summary>What the sum of stored bytes times weights starts from: integer bias - stored zero point of x * sum of the channel's weights.</summary>
    public int[] Accumulator { get; }

    public bool HasResidual { get; }

    public float ResidualMultiplier { get; }

    public int ResidualZeroPoint { get; }

    public float ResidualDivisor { get; }

    public Activation Activation { get; }

    public float OutputDivisor { get; }

    public int OutputZeroPoint { get; }

    private static int[] Accumulators(Int8Contraction int8)
    {
        var perChannel = int8.Weights.Length / int8.WeightScales.Count;
        var start = new int[int8.WeightScales.Count];
        for (var k = 0; k < start.Length; k++)
        {
            var sum = 0;
            foreach (var weight in int8.Weights.Data.AsSpan(k * perChannel, perChannel)) sum += weight;
            // May wrap: arithmetic modulo 2^32, and the finished accumulator fits.
            start[k] = unchecked(int8.IntegerBias[k] - int8.Input.StoredZeroPoint * sum);
        }
        return start;
    }
}
