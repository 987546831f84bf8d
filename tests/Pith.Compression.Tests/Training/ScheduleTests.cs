namespace Pith.Compression.Tests.Training;

public class ScheduleTests
{
    [Fact]
    public void Constant_stays() => Assert.Equal(1, new ConstantSchedule().Factor(At(77)));

    [Fact]
    public void Cosine_starts_at_one_is_halfway_in_the_middle_and_ends_near_its_final_factor()
    {
        var cosine = new CosineSchedule { Final = 0.2 };
        Assert.Equal(1, cosine.Factor(At(0)), 12);
        Assert.Equal(0.6, cosine.Factor(At(50)), 12);
        Assert.InRange(cosine.Factor(At(99)), 0.2, 0.2003);
    }

    [Fact]
    public void Polynomial_falls_in_a_line_or_along_a_power()
    {
        Assert.Equal(0.1 + 0.9 * 0.75, new PolynomialSchedule { Final = 0.1 }.Factor(At(25)), 12);
        Assert.Equal(0.25 * 0.25, new PolynomialSchedule { Power = 2 }.Factor(At(75)), 12);
        Assert.Contains("'power'", Assert.Throws<PithException>(() => new PolynomialSchedule { Power = 0 }.Check()).Message);
    }

    [Fact]
    public void Step_drops_at_the_start_of_its_epochs()
    {
        var step = new StepSchedule { Epochs = [5, 8], Gamma = 0.1 };
        Assert.Equal(1, step.Factor(At(49)));
        Assert.Equal(0.1, step.Factor(At(50)), 12);
        Assert.Equal(0.01, step.Factor(At(80)), 12);
    }

    [Fact]
    public void Warm_up_rises_in_a_line_and_hands_over_at_the_full_rate()
    {
        var schedule = new WarmUpSchedule { Epochs = 1, Then = new CosineSchedule() };
        Assert.Equal(1 / 11.0, schedule.Factor(At(0)), 12);
        Assert.Equal(10 / 11.0, schedule.Factor(At(9)), 12);
        Assert.Equal(1, schedule.Factor(At(10)), 12);
        Assert.Equal(0.5, schedule.Factor(At(55)), 12);
    }

    [Fact]
    public void Fields_out_of_range_are_refused_by_name()
    {
        Assert.Contains("'gamma'", Assert.Throws<PithException>(() => new StepSchedule { Gamma = 2 }.Check()).Message);
        Assert.Contains("'epochs'", Assert.Throws<PithException>(() => new StepSchedule { Epochs = [8, 5] }.Check()).Message);
        Assert.Contains("'final'", Assert.Throws<PithException>(() => new CosineSchedule { Final = double.NaN }.Check()).Message);
        Assert.Contains("'learning_rate'", Assert.Throws<PithException>(() => new TrainingSettings { LearningRate = 0 }.Check()).Message);
        Assert.Contains("'momentum'", Assert.Throws<PithException>(() => new TrainingSettings { Optimizer = new SgdSettings { Momentum = 1 } }.Check()).Message);
        new TrainingSettings().Check();
        TrainingSettings.FineTune.Check();
        TrainingSettings.QuantizationAware.Check();
    }

    // 10 epochs of 10 steps.
    private static TrainingPosition At(long step) => new(step, 100, 10);
}
