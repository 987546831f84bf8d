namespace Pith.Compression.Tests;

public class TopKAccuracyTests
{
    [Fact]
    public void Counts_top_1_and_top_5()
    {
        var accuracy = new TopKAccuracy();
        float[] logits = [0, 1, 2, 3, 4, 5, 6];
        for (var label = 0; label < 7; label++) accuracy.Add(logits, label);
        Assert.Equal((7, 1, 5), (accuracy.Count, accuracy.Top1Correct, accuracy.Top5Correct));
        Assert.Equal(1 / 7.0, accuracy.Top1);
        Assert.Equal([false, false, false, false, false, false, true], accuracy.Correct);
        Assert.All(accuracy.Predictions, prediction => Assert.Equal(6, prediction));
    }

    [Fact]
    public void Of_equal_logits_the_lower_index_wins()
    {
        var accuracy = new TopKAccuracy();
        var constant = new float[10];
        for (var label = 0; label < 10; label++) accuracy.Add(constant, label);
        Assert.Equal((1, 5), (accuracy.Top1Correct, accuracy.Top5Correct));
        Assert.Equal(0, accuracy.Predictions[9]);
    }

    [Fact]
    public void A_nan_is_never_right()
    {
        var accuracy = new TopKAccuracy();
        accuracy.Add([0, float.NaN, 2], 1);
        accuracy.Add([0, float.NaN, 2], 2);
        Assert.Equal(0, accuracy.Top1Correct);
        Assert.Equal(1, accuracy.Top5Correct);
        Assert.Equal([1, 1], accuracy.Predictions);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-1)]
    public void A_label_beyond_the_outputs_is_an_error(int label) =>
        Assert.Contains($"label {label}", Assert.Throws<PithException>(() => new TopKAccuracy().Add([1, 2, 3], label)).Message);
}
