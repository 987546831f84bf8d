namespace Pith.Compression.Evaluation;

/// <summary>
/// Tells whether a quantized weight is a float weight up to rounding, so that one can stand for the other in an otherwise unchanged network. Rounding moves each element by few steps, and reconstruction by little beside
/// its channel; equalized channels are multiplied by a factor, which their neighbours undo, and trained weights are other ones.
/// </summary>
internal static class WeightMatch
{
    private const double EnoughChannels = 0.98, EnoughElements = 0.75, LargestSteps = 2, LargestChange = 0.1;

    /// <summary>Compares channel by channel, along both axes.</summary>
    /// <param name="exact">The float weight.</param>
    /// <param name="rounded">What the integers stand for; of the same shape.</param>
    /// <param name="steps">The distance of neighbouring integers for each element.</param>
    /// <param name="axes">The axes of output and input channels.</param>
    public static bool IsRounded(Tensor<float> exact, Tensor<float> rounded, Tensor<float> steps, IEnumerable<int> axes) => axes.All(axis => AlongAxis(exact, rounded, steps, axis));

    private static bool AlongAxis(Tensor<float> exact, Tensor<float> rounded, Tensor<float> steps, int axis)
    {
        var (channels, inner) = (exact.Shape[axis], exact.Shape.LengthOf(axis + 1, exact.Shape.Rank));
        var sums = new ChannelSums[channels];
        for (var i = 0; i < exact.Length; i++)
        {
            ref var sum = ref sums[i / inner % channels];
            double w = exact.Data[i], q = rounded.Data[i];
            sum.Count++;
            if (Math.Abs(w - q) <= LargestSteps * steps.Data[i]) sum.Near++;
            sum.Energy += w * w;
            sum.Product += w * q;
            sum.Error += (w - q) * (w - q);
        }
        return sums.Count(sum => sum.Near >= EnoughElements * sum.Count || (Math.Abs(sum.Product - sum.Energy) <= LargestChange * sum.Energy && sum.Error <= LargestChange * sum.Energy)) >= EnoughChannels * channels;
    }

    private struct ChannelSums
    {
        public int Count, Near;
        public double Energy, Product, Error;
    }
}
