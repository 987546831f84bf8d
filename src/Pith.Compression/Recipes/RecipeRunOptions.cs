using Pith.Compression.Distribution;

namespace Pith.Compression.Recipes;

/// <summary>What a run of a recipe depends on besides the recipe.</summary>
public sealed record RecipeRunOptions
{
    /// <summary>Threads; 0 means one per processor. No model depends on it.</summary>
    public int Threads { get; init; }

    /// <summary>Receives <see cref="StepStarted"/>, <see cref="StepFinished"/>, <see cref="StageEvaluated"/>, and the progress of whatever is at work.</summary>
    public IProgress<PithEvent>? Events { get; init; }

    /// <summary>Stops the work; what is finished stays, a training in progress is saved.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The processes that run the recipe together: they share steps that can be shared, all else is done by the first.</summary>
    internal ProcessGroup Group { get; init; } = ProcessGroup.Single;
}
