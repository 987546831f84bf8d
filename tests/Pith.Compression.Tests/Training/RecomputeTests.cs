namespace Pith.Compression.Tests.Training;

public class RecomputeTests
{
    [Theory, InlineData(RecomputeMode.Selective), InlineData(RecomputeMode.Full)]
    public void Training_that_computes_activations_again_ends_at_the_same_weights(RecomputeMode mode)
    {
        var settings = Toy.Settings with { Epochs = 2, FreezeNormAfter = 0.5 };
        var kept = TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { Threads = 1 });
        var again = TrainingLoop.Run(Toy.Network(), Toy.Data, settings with { Recompute = mode }, new TrainingOptions { Threads = 2 });
        Assert.Equal(Toy.AllConstants(kept.Model), Toy.AllConstants(again.Model));
    }
}
