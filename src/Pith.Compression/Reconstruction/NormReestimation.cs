using Pith.Ops;

namespace Pith.Compression.Reconstruction;

/// <summary>
/// Measures the mean and variance of batch norm again, in a network whose weights were changed: what batch norm gives has the mean and the variance in each channel that it was trained to give
/// (Hubara et al., "Accurate post training quantization with small calibration sets", 2021, §4.4). From the first to the last, so that each sees what those before it give now. Batch norm that is folded into a layer has nothing to measure.
/// </summary>
internal static class NormReestimation
{
    /// <summary>Changes the statistics of <paramref name="graph"/>.</summary>
    /// <param name="graph">A float32 network.</param>
    /// <param name="images">What to measure on.</param>
    /// <param name="threads">Threads of a run; 0 for one per processor. No result depends on it.</param>
    /// <returns>How many have new statistics, and how many batch norms there are. One that shares its statistics with another keeps them.</returns>
    /// <exception cref="PithException">The network cannot be run.</exception>
    public static (int Measured, int All) Apply(Graph graph, CalibrationImages images, int threads)
    {
        Node[] all = [.. graph.Nodes.Where(node => node.Op is BatchNormalization { TrainingMode: false })];
        var cursor = new GraphCursor(graph, images, threads);
        var measured = 0;
        foreach (var node in all.Where(HasOwnStatistics))
        {
            cursor.MoveTo(node);
            var data = node.Inputs[0]!;
            var (mean, variance) = Measure(cursor.Borrow([data])[data.Name]);
            graph.SetConstant(node.Inputs[3]!, Tensor.Vector<float>(mean));
            graph.SetConstant(node.Inputs[4]!, Tensor.Vector<float>(variance));
            measured++;
        }
        return (measured, all.Length);
    }

    private static bool HasOwnStatistics(Node node) =>
        node.Inputs[0]!.Constant is null && !ReferenceEquals(node.Inputs[3], node.Inputs[4]) && node.Inputs.Skip(3).All(statistic => statistic is { Constant: Tensor<float>, Uses.Count: 1, IsGraphOutput: false });

    /// <summary>Mean and (biased) variance of each channel, in double, with the values in the order of the images.</summary>
    private static (float[] Mean, float[] Variance) Measure(Tensor[] batches)
    {
        var channels = batches[0].Shape[1];
        var (sums, squares, count) = (new double[channels], new double[channels], 0L);
        // The first value of a channel is taken off: a mean far from 0 would leave few digits for the variance.
        var origin = new double[channels];
        for (var batch = 0; batch < batches.Length; batch++)
        {
            var (values, images) = (batches[batch].As<float>().Data, batches[batch].Shape[0]);
            var pixels = values.Length / (images * channels);
            for (var plane = 0; plane < images * channels; plane++)
            {
                var channel = plane % channels;
                if (batch == 0 && plane < channels) origin[channel] = values[plane * pixels];
                foreach (var value in values.AsSpan(plane * pixels, pixels))
                {
                    var difference = value - origin[channel];
                    sums[channel] += difference;
                    squares[channel] += difference * difference;
                }
            }
            count += (long)images * pixels;
        }
        var mean = new float[channels];
        var variance = new float[channels];
        for (var channel = 0; channel < channels; channel++)
        {
            var shift = sums[channel] / count;
            (mean[channel], variance[channel]) = ((float)(origin[channel] + shift), (float)Math.Max(0, squares[channel] / count - shift * shift));
        }
        return (mean, variance);
    }
}
