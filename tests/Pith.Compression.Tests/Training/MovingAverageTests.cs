using Pith.Compression.Data;

namespace Pith.Compression.Tests.Training;

public class MovingAverageTests
{
    private const float Decay = 0.8f;

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.5)]
    public void Averages_follow_the_recurrence_through_masks_and_frozen_norms_and_are_what_is_written(double freezeNormAfter)
    {
        var graph = Toy.Network();
        var mask = Mask24.ByMagnitude(Toy.Constant(graph, "conv2.weight"), ReductionLayout.Of(new Shape(8, 8, 3, 3), 1));
        var settings = Toy.Settings with { EmaDecay = Decay, Schedule = new ConstantSchedule() };
        var options = new TrainingOptions { Masks = new Dictionary<string, Mask24> { ["conv2.weight"] = mask } };
        var loader = new BatchLoader(Toy.Data.Train, Toy.Preprocessing, new BatchLoaderOptions { BatchSize = settings.BatchSize });
        string[] names = ["parameter/conv2.weight", "parameter/fc.bias", "statistic/conv1.bn.mean", "statistic/conv2.bn.variance"];

        var session = new TrainingSession(graph, settings, options, freezeNorm: false);
        var start = session.Save();
        var averages = names.ToDictionary(name => name, name => start[name]);
        var step = 0;
        foreach (var batch in loader.Epoch().Take(6))
        {
            if (step == 6 * freezeNormAfter)
            {
                var saved = session.Save();
                session.Dispose();
                session = new TrainingSession(graph, settings, options, freezeNorm: true, saved);
            }
            session.Step(batch, ++step, 0.1);
            var values = session.Save();
            // The slow start: 2/11, 3/12 …, then the decay itself.
            var share = (float)(1 - Math.Min(Decay, (1.0 + step) / (10 + step)));
            foreach (var name in names)
            {
                averages[name] = [.. averages[name].Zip(values[name], (average, value) => average + share * (value - average))];
                Assert.Equal(averages[name], values["average/" + name[(name.IndexOf('/') + 1)..]]);
            }
        }
        Assert.NotEqual(averages["parameter/fc.bias"], session.Save()["parameter/fc.bias"]);
        Assert.Null(mask.FirstUnmasked(averages["parameter/conv2.weight"]));
        var written = session.ToInference();
        foreach (var name in names) Assert.Equal(averages[name], Toy.Constant(written, name[(name.IndexOf('/') + 1)..]));
        session.Dispose();
    }

    [Fact]
    public void A_mask_copies_any_part_as_it_applies_to_the_whole()
    {
        var random = new Random(2);
        var layout = new ReductionLayout(5, 8, 9);
        float[] weights = [.. Enumerable.Range(0, layout.Length).Select(_ => (float)(random.NextDouble() - 0.5))];
        var mask = Mask24.ByMagnitude(weights, layout);
        float[] expected = [.. weights.Select((weight, i) => mask[i] ? weight : 0)];
        weights[Array.FindIndex(expected, value => value == 0)] = float.NaN;
        foreach (var (first, length) in new[] { (0, layout.Length), (64, 100), (128, 16), (320, 40), (0, 3) })
        {
            var part = new float[length];
            mask.Copy(weights.AsSpan(first, length), part, first);
            Assert.Equal(expected[first..(first + length)], part);
        }
    }
}
