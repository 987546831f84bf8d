namespace Pith.Compression.Tests.Training;

public class OptimizerTests
{
    [Fact]
    public void Sgd_adds_momentum_and_decay_as_by_hand()
    {
        var weights = new float[] { 1, -2 };
        var slots = Run(new SgdSettings { Momentum = 0.5, WeightDecay = 0.1 }, weights, [[0.2f, 0.4f], [0.2f, 0.4f]], rate: 0.1, decay: 0.1);
        // v1 = g + 0.1 w = 0.3, 0.2; w1 = 0.97, -2.02. v2 = 0.5 v1 + g + 0.1 w1 = 0.447, 0.298; w2 = w1 - 0.1 v2.
        AssertClose([0.9253f, -2.0498f], weights);
        AssertClose([0.447f, 0.298f], slots[0]);
    }

    [Fact]
    public void Nesterov_looks_ahead_by_the_momentum()
    {
        var weights = new float[] { 1 };
        Run(new SgdSettings { Momentum = 0.5, Nesterov = true, WeightDecay = 0 }, weights, [[0.2f], [0.2f]], rate: 0.1, decay: 0);
        // v = 0.2, 0.3; w = 1 - 0.1 (0.2 + 0.1) - 0.1 (0.2 + 0.15).
        AssertClose([0.935f], weights);
    }

    [Fact]
    public void AdamW_corrects_its_means_and_decays_apart_from_the_gradient()
    {
        var weights = new float[] { 1, 1 };
        Run(new AdamWSettings(), weights, [[0.5f, -3]], rate: 0.01, decay: 0.1);
        // After one step both corrected means are g and g^2, so the update is the sign: 1 (1 - 0.01 0.1) -/+ 0.01.
        AssertClose([0.989f, 1.009f], weights);

        weights = [2];
        Run(new AdamWSettings { Beta1 = 0.5, Beta2 = 0.5 }, weights, [[1f], [3f]], rate: 0.1, decay: 0);
        // Step 2: m = 0.25 + 1.5 = 1.75, corrected 1.75 / 0.75; v = 0.25 + 4.5 = 4.75, corrected 4.75 / 0.75.
        var expected = 2 - 0.1 - 0.1 * (1.75 / 0.75) / Math.Sqrt(4.75 / 0.75);
        AssertClose([(float)expected], weights);
    }

    [Fact]
    public void Gradient_scale_is_applied_before_everything_else()
    {
        float[] scaled = [1], plain = [1];
        var settings = new SgdSettings();
        settings.Create().Update(scaled, [4], [new float[1].AsMemory()], new UpdateStep(1, 0.1, 0.01, 0.25));
        settings.Create().Update(plain, [1], [new float[1].AsMemory()], new UpdateStep(1, 0.1, 0.01, 1));
        Assert.Equal(plain, scaled);
    }

    private static float[][] Run(OptimizerSettings settings, float[] weights, float[][] gradients, double rate, double decay)
    {
        var optimizer = settings.Create();
        var slots = Enumerable.Range(0, optimizer.SlotCount).Select(_ => new float[weights.Length]).ToArray();
        for (var step = 0; step < gradients.Length; step++) optimizer.Update(weights, gradients[step], Array.ConvertAll(slots, slot => slot.AsMemory()), new UpdateStep(step + 1, rate, decay, 1));
        return slots;
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5f);
    }
}
