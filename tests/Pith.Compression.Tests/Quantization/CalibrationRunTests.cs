using Pith.Compression.Data;

namespace Pith.Compression.Tests;

public class CalibrationRunTests
{
    private const int Size = 8;

    [Fact]
    public void Statistics_do_not_depend_on_batch_size_or_threads_and_equal_those_of_the_reference()
    {
        var graph = TestNetwork.Residual();
        var placement = QdqPlacement.Find(graph, new());
        string[] tensors = [.. placement.Activations.Select(activation => activation.Value.Name)];
        var expected = Observe(graph, tensors, samples: 21, batchSize: 21, threads: 1);
        foreach (var (batchSize, threads) in new[] { (1, 2), (4, 1), (4, 3), (8, 2) })
        {
            var actual = Observe(graph, tensors, 21, batchSize, threads);
            foreach (var tensor in tensors)
            {
                // The engine's floats may differ in the last bit with the batch; the statistics may not differ otherwise.
                Assert.Equal(expected.All(tensor).ElementCount, actual.All(tensor).ElementCount);
                Assert.Equal(expected.FirstHalf(tensor).ElementCount, actual.FirstHalf(tensor).ElementCount);
                Assert.Equal(expected.All(tensor).MaxAbs, actual.All(tensor).MaxAbs, 1e-5f);
            }
            Assert.True(expected.All("x").Counts.SequenceEqual(actual.All("x").Counts));
            Assert.True(expected.FirstHalf("x").Counts.SequenceEqual(actual.FirstHalf("x").Counts));
        }
        Assert.Equal(11 * 3 * Size * Size, expected.FirstHalf("x").ElementCount);
    }

    [Fact]
    public void Whole_networks_are_quantized_in_one_call_and_progress_is_reported()
    {
        var seen = new List<PithEvent>();
        var result = FakeQuantization.Calibrate(TestNetwork.Residual(), new(), new CalibrationData(Batches(16, 8), 16, 8), new Seen(seen));
        GraphVerifier.Verify(result.Graph);
        Assert.Equal(result.Ranges.Count, QdqPlacement.Find(TestNetwork.Residual(), new()).Activations.Count);
        Assert.Contains(seen.OfType<ProgressMade>(), progress => progress is { Task: "calibrate", Done: 16, Total: 16 });
        Assert.Equal(result.Ranges.Count, result.ToCache(new("hash", "mse", 16)).Scales.Count);
    }

    [Fact]
    public void Classes_that_the_samples_do_not_show_are_reported()
    {
        var result = FakeQuantization.Calibrate(TestNetwork.Residual(), new(), new CalibrationData(Batches(16, 8), 16, 8, Classes: 10));
        Assert.Contains("16 calibration samples show 3 of 10 classes", Assert.Single(result.Findings, finding => finding.Rule == "classes").Message);
    }

    [Fact]
    public void Too_few_samples_are_an_error() =>
        Assert.Contains("asked for 20 samples, the data has 12", Assert.Throws<PithException>(() => Observe(TestNetwork.Residual(), ["x"], 20, 4, 2, available: 12)).Message);

    [Fact]
    public void A_value_that_is_not_finite_names_tensor_and_batch()
    {
        var batches = Batches(12, 4).Select((batch, index) =>
        {
            if (index == 1) batch.Images[7] = float.NaN;
            return batch;
        });
        var data = new CalibrationData(batches, 12, 4, Threads: 2);
        var error = Assert.Throws<PithException>(() => CalibrationRun.Observe(TestNetwork.Residual(), ["x"], data));
        Assert.Contains("tensor 'x' has the value NaN at element 7 of batch 1", error.Message);
    }

    private static ActivationStatistics Observe(Graph graph, string[] tensors, int samples, int batchSize, int threads, int available = 30) =>
        CalibrationRun.Observe(graph, tensors, new CalibrationData(Batches(available, batchSize), samples, batchSize, Threads: threads));

    /// <summary>The same seeded images whatever the batch size.</summary>
    private static IEnumerable<Batch> Batches(int count, int batchSize)
    {
        var shape = new ImageShape(3, Size, Size);
        var images = Samples.Gaussian(55, count * shape.Elements);
        for (var at = 0; at < count; at += batchSize)
        {
            var batch = new Batch(batchSize, shape) { Count = Math.Min(batchSize, count - at) };
            for (var i = 0; i < batch.Count; i++) batch.Labels[i] = (at + i) % 3;
            images.AsSpan(at * shape.Elements, batch.Count * shape.Elements).CopyTo(batch.Images);
            yield return batch;
        }
    }

    private sealed class Seen(List<PithEvent> events) : IProgress<PithEvent>
    {
        public void Report(PithEvent value) => events.Add(value);
    }
}
