using Pith.Compression.Data;
using Pith.Ops;

namespace Pith.Compression.Training;

/// <summary>How a network does on validation images.</summary>
/// <param name="Correct">Images classified right.</param>
/// <param name="LossSum">The sum of their cross-entropies, from labels alone.</param>
internal readonly record struct ValidationScore(double Correct, double LossSum)
{
    // What is smaller counts as this: a probability that was rounded to 0 is not an infinite loss.
    private const double SmallestProbability = 1e-12;

    /// <summary>Builds an engine for a network and evaluates it.</summary>
    /// <param name="network">A classifier whose first output is logits, or their softmax.</param>
    /// <param name="images">The images, each counted once.</param>
    /// <param name="preprocessing">How they become the network's input.</param>
    /// <param name="threads">Threads; 0 means one per processor.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public static ValidationScore Measure(Graph network, ImageDataset images, Preprocessing preprocessing, int threads, CancellationToken cancellation)
    {
        // By estimate: the score must not depend on which of two equally fast kernels won a race.
        using var engine = EngineBuilder.Build(network, new EngineOptions { MaxBatch = Math.Min(new EvaluationOptions().Batch, images.Count), Threads = threads, TimeTactics = false });
        using var context = engine.CreateContext();
        var isProbability = network.Outputs[0].Producer is { Op: Softmax };
        var (accuracy, loss) = (new TopKAccuracy(), 0.0);
        foreach (var image in new ClassifierRun(context, images, preprocessing).Batches(cancellation).SelectMany(batch => batch))
        {
            var scores = image.Scores.Span;
            accuracy.Add(scores, image.Label);
            loss += isProbability ? -Math.Log(Math.Max(scores[image.Label], SmallestProbability)) : CrossEntropy(scores, image.Label);
        }
        return new ValidationScore(accuracy.Top1Correct, loss);
    }

    /// <summary>-log softmax(logits)[label].</summary>
    public static double CrossEntropy(ReadOnlySpan<float> logits, int label)
    {
        double largest = double.NegativeInfinity, sum = 0;
        foreach (var logit in logits) largest = Math.Max(largest, logit);
        foreach (var logit in logits) sum += Math.Exp(logit - largest);
        return Math.Log(sum) + largest - logits[label];
    }
}
