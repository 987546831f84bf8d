namespace Pith.Compression.Training;

/// <summary>Where in a training run a step lies: what a <see cref="Schedule"/> depends on.</summary>
/// <param name="Step">The step, from 0.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="StepsPerEpoch">Steps of one epoch.</param>
public readonly record struct TrainingPosition(long Step, long Steps, long StepsPerEpoch)
{
    /// <summary>The share of the run that is done before this step: 0 at the first step.</summary>
    public double Share => Steps == 0 ? 0 : (double)Step / Steps;

    /// <summary>The epoch that this step belongs to, from 0.</summary>
    public long Epoch => Step / StepsPerEpoch;

    /// <summary>The position in what is left after the first <paramref name="steps"/> steps.</summary>
    public TrainingPosition After(long steps) => this with { Step = Step - steps, Steps = Math.Max(Steps - steps, 1) };
}
