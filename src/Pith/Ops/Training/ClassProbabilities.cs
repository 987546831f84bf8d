namespace Pith.Ops;

/// <summary>Softmax over the classes of one row of logits, as the losses need it: in double precision.</summary>
internal static class ClassProbabilities
{
    /// <summary>The logarithms of the probabilities of row <paramref name="row"/> of logits [N, K], each divided by <paramref name="temperature"/> first.</summary>
    public static double[] Logarithms(double[] logits, int row, int classes, float temperature = 1)
    {
        var logarithms = new double[classes];
        var largest = double.NegativeInfinity;
        for (var k = 0; k < classes; k++)
        {
            logarithms[k] = logits[row * classes + k] / temperature;
            largest = Math.Max(largest, logarithms[k]);
        }
        var sum = 0.0;
        foreach (var logit in logarithms) sum += Math.Exp(logit - largest);
        for (var k = 0; k < classes; k++) logarithms[k] -= largest + Math.Log(sum);
        return logarithms;
    }

    /// <summary>Requires operand <paramref name="index"/> to be float logits [N, K].</summary>
    public static TensorType CheckLogits(InferContext context, int index) =>
        Reals.FloatType(context, index) is { Rank: 2 } logits ? logits : throw context.Error($"operand {index} must be logits [N, K]");
}
