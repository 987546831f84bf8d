using Pith.Compression.Data;
using Pith.Compression.Distribution;
using Pith.Compression.Evaluation;
using Pith.Compression.Quantization;
using Pith.Compression.Recipes;
using Pith.Compression.Tests.Training;

namespace Pith.Compression.Tests.Distribution;

/// <summary>What ranks share besides training: calibration and evaluation. The results are those of one process, bit for bit.</summary>
public class SharedWorkTests
{
    [Theory]
    [InlineData(2, "fast")]
    [InlineData(3, "fast")]
    [InlineData(2, "balanced")]
    public void Ranks_quantize_to_the_bits_of_one_process(int ranks, string effort)
    {
        // Slices of 16 and less, with the border of both halves inside one.
        const int Samples = 73;
        Graph Quantize(ProcessGroup group)
        {
            var step = StepCatalog.Find("quantize").Read(new System.Text.Json.Nodes.JsonObject { ["samples"] = Samples, ["calibrator"] = "percentile", ["effort"] = effort }, "test");
            return step.Run(Toy.Network(), new StepContext { Stage = "int8", TrainingData = Toy.Data.Train, Preprocess = Toy.Preprocessing, Threads = 1, Group = group }).Graph;
        }
        var alone = OnnxModel.ToBytes(Quantize(ProcessGroup.Single));
        var together = ThreadGroup.Run(ranks, group => OnnxModel.ToBytes(Quantize(group)));
        Assert.Equal(alone, together[0]);
        if (effort == "fast") Assert.All(together, rank => Assert.Equal(alone, rank));
    }

    [Fact]
    public void Each_rank_observes_a_part_and_all_know_the_whole()
    {
        var graph = Toy.Network();
        string[] tensors = ["images", "logits"];
        ActivationStatistics Observe(ProcessGroup group)
        {
            var loader = ClassifierSignature.Of(graph).Load(Toy.Data.Train, Toy.Preprocessing, new BatchLoaderOptions { BatchSize = 16 });
            return CalibrationRun.Observe(graph, tensors, new CalibrationData(loader.Epoch(), 90, 16, Threads: 2) { Group = group });
        }
        var alone = Observe(ProcessGroup.Single);
        foreach (var rank in ThreadGroup.Run(3, Observe))
        {
            Assert.Equal(alone.ClassesSeen, rank.ClassesSeen);
            foreach (var tensor in tensors)
                foreach (var (expected, actual) in new[] { (alone.All(tensor), rank.All(tensor)), (alone.FirstHalf(tensor), rank.FirstHalf(tensor)) })
                {
                    Assert.Equal(expected.Counts, actual.Counts);
                    Assert.Equal((expected.Range, expected.Min, expected.Max, expected.ElementCount, expected.ZeroCount), (actual.Range, actual.Min, actual.Max, actual.ElementCount, actual.ZeroCount));
                }
        }
    }

    [Fact]
    public void Ranks_with_other_calibration_images_are_refused()
    {
        var step = StepCatalog.Find("quantize").Read(new System.Text.Json.Nodes.JsonObject { ["effort"] = "fast" }, "test");
        var messages = ThreadGroup.Run(2, group => Assert.Throws<PithException>(() =>
            step.Run(Toy.Network(), new StepContext { Stage = "int8", TrainingData = new ToyDataset(1, 64 + group.Rank), Preprocess = Toy.Preprocessing, Threads = 1, Group = group })).Message);
        Assert.All(messages, message => Assert.Contains("Rank 1 of 2 has another calibration set than rank 0", message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(2, 61)]
    [InlineData(4, 3)]
    public void Ranks_evaluate_to_the_counts_and_the_order_of_one_process(int ranks, int images)
    {
        EvaluationResult Evaluate(ProcessGroup group) => Evaluator.Run(Toy.Network(), new ToyDataset(5, images), Toy.Preprocessing, new EvaluationOptions { Batch = 8, Threads = 1, Group = group });
        var alone = Evaluate(ProcessGroup.Single);
        foreach (var rank in ThreadGroup.Run(ranks, Evaluate))
        {
            Assert.Equal((alone.Correct, alone.Correct5, alone.Count), (rank.Correct, rank.Correct5, rank.Count));
            Assert.Equal(alone.Accuracy.Predictions, rank.Accuracy.Predictions);
            Assert.Equal(alone.Accuracy.Correct, rank.Accuracy.Correct);
        }
    }
}
