using System.Text.Json.Serialization;

namespace Pith.Compression.Training;

/// <summary>How the learning rate changes over a training run, as a factor on the base rate. Immutable, value-equal, JSON by <c>kind</c>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ConstantSchedule), "constant")]
[JsonDerivedType(typeof(CosineSchedule), "cosine")]
[JsonDerivedType(typeof(PolynomialSchedule), "polynomial")]
[JsonDerivedType(typeof(StepSchedule), "step")]
[JsonDerivedType(typeof(WarmUpSchedule), "warm_up")]
public abstract record Schedule
{
    /// <summary>The factor at one step.</summary>
    public abstract double Factor(TrainingPosition at);

    /// <summary>Checks the fields.</summary>
    /// <exception cref="PithException">A field is out of range.</exception>
    public abstract void Check();
}

/// <summary>The base rate throughout.</summary>
public sealed record ConstantSchedule : Schedule
{
    /// <inheritdoc/>
    public override double Factor(TrainingPosition at) => 1;

    /// <inheritdoc/>
    public override void Check() { }
}

/// <summary>Half a cosine wave from 1 down to <see cref="Final"/> (Loshchilov and Hutter, "SGDR", 2017, without restarts).</summary>
public sealed record CosineSchedule : Schedule
{
    /// <summary>The factor that the last step approaches, 0 to 1.</summary>
    public double Final { get; init; }

    /// <inheritdoc/>
    public override double Factor(TrainingPosition at) => Final + (1 - Final) * 0.5 * (1 + Math.Cos(Math.PI * at.Share));

    /// <inheritdoc/>
    public override void Check() => FieldRange.Require("final", Final, 0, 1);
}

/// <summary>From 1 down to <see cref="Final"/> along <c>(1 - share)^power</c>: a straight line with power 1.</summary>
public sealed record PolynomialSchedule : Schedule
{
    /// <summary>The exponent, above 0.</summary>
    public double Power { get; init; } = 1;

    /// <summary>The factor that the last step approaches, 0 to 1.</summary>
    public double Final { get; init; }

    /// <inheritdoc/>
    public override double Factor(TrainingPosition at) => Final + (1 - Final) * Math.Pow(1 - at.Share, Power);

    /// <inheritdoc/>
    public override void Check()
    {
        FieldRange.Require("power", Power, double.Epsilon, 10);
        FieldRange.Require("final", Final, 0, 1);
    }
}

/// <summary>The rate is multiplied by <see cref="Gamma"/> at the start of each of <see cref="Epochs"/>.</summary>
public sealed record StepSchedule : Schedule
{
    /// <summary>The epochs, from 0, at whose start the rate drops; ascending.</summary>
    public ValueList<int> Epochs { get; init; } = [];

    /// <summary>The factor of each drop, above 0 and at most 1.</summary>
    public double Gamma { get; init; } = 0.1;

    /// <inheritdoc/>
    public override double Factor(TrainingPosition at) => Math.Pow(Gamma, Epochs.Count(epoch => at.Epoch >= epoch));

    /// <inheritdoc/>
    public override void Check()
    {
        FieldRange.Require("gamma", Gamma, double.Epsilon, 1);
        for (var i = 0; i < Epochs.Count; i++)
            FieldRange.Require("epochs", Epochs[i], i == 0 ? 1 : Epochs[i - 1] + 1, TrainingSettings.MaxEpochs);
    }
}

/// <summary>Rises in a straight line over the first epochs, then follows <see cref="Then"/> over the rest.</summary>
public sealed record WarmUpSchedule : Schedule
{
    /// <summary>Epochs of rising; may be a fraction.</summary>
    public double Epochs { get; init; } = 1;

    /// <summary>What follows; its positions count from the end of the rise.</summary>
    public Schedule Then { get; init; } = new CosineSchedule();

    /// <inheritdoc/>
    public override double Factor(TrainingPosition at)
    {
        var rise = (long)Math.Round(Epochs * at.StepsPerEpoch);
        // Step 0 is not lost on a rate of 0, and step `rise` is the first at the full rate.
        return at.Step < rise ? (at.Step + 1.0) / (rise + 1) : Then.Factor(at.After(rise));
    }

    /// <inheritdoc/>
    public override void Check()
    {
        FieldRange.Require("epochs", Epochs, 0, TrainingSettings.MaxEpochs);
        if (Then is WarmUpSchedule) throw new PithException("'then': a warm-up cannot be followed by another warm-up. Use constant, cosine, polynomial or step.");
        Then.Check();
    }
}
