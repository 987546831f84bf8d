using Pith.Ops;

namespace Pith.Compression;

/// <summary>
/// A BatchNormalization in inference form after a convolution or Gemm, as what it does to each output channel: y = factor * (x * w) + bias, with
/// factor = gamma / sqrt(variance + epsilon) and bias = factor * (convolution's bias - mean) + beta.
/// </summary>
internal sealed class BatchNormFold
{
    private BatchNormFold(Node norm, double[] factors, float[] bias) => (Norm, Factors, Bias) = (norm, factors, bias);

    /// <summary>The BatchNormalization.</summary>
    public Node Norm { get; }

    /// <summary>One per output channel; may be negative or zero.</summary>
    public double[] Factors { get; }

    /// <summary>One per output channel.</summary>
    public float[] Bias { get; }

    /// <summary>
    /// The fold of what alone reads the result of <paramref name="convolution"/>; null when there is nothing to fold, or a factor or bias is NaN, infinite or beyond a float: then batch norm stays an op of its own.
    /// </summary>
    public static BatchNormFold? Behind(Node convolution)
    {
        if (convolution.Op is not (Conv or ConvTranspose { Groups: 1 } or Gemm { Beta: 1 }) || convolution.Output.SingleConsumer is not { Op: BatchNormalization { TrainingMode: false } op } norm) return null;
        var parameters = norm.Inputs.Skip(1).Select(parameter => (parameter?.Constant as Tensor<float>)?.Data).ToArray();
        if (parameters.Contains(null) || convolution.Input(2) is { Constant: not Tensor<float> }) return null;
        var convBias = (convolution.Input(2)?.Constant as Tensor<float>)?.Data;
        var (gamma, beta, mean, variance) = (parameters[0]!, parameters[1]!, parameters[2]!, parameters[3]!);
        if (convBias is not null && convBias.Length != gamma.Length) return null;
        var factors = new double[gamma.Length];
        var bias = new float[gamma.Length];
        for (var k = 0; k < factors.Length; k++)
        {
            factors[k] = gamma[k] / Math.Sqrt((double)variance[k] + op.Epsilon);
            bias[k] = (float)(factors[k] * ((convBias?[k] ?? 0) - (double)mean[k]) + beta[k]);
        }
        return factors.All(double.IsFinite) && bias.All(float.IsFinite) ? new BatchNormFold(norm, factors, bias) : null;
    }
}
