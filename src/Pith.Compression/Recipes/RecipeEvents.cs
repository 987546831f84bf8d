namespace Pith.Compression.Recipes;

/// <summary>A step of a recipe begins.</summary>
/// <param name="Stage">The stage that it makes.</param>
/// <param name="Step">The kind of step.</param>
/// <param name="Number">Which, from 1.</param>
/// <param name="Count">Of how many.</param>
public sealed record StepStarted(string Stage, string Step, int Number, int Count) : PithEvent;

/// <summary>A step of a recipe is done and its model is written.</summary>
/// <param name="Stage">The stage that it made.</param>
/// <param name="Step">The kind of step.</param>
/// <param name="Seconds">Seconds that it took, or had taken when it was kept.</param>
/// <param name="WasKept">True when an earlier run had finished it and nothing that it depends on has changed.</param>
public sealed record StepFinished(string Stage, string Step, double Seconds, bool WasKept) : PithEvent;

/// <summary>A stage was evaluated on the test set.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Correct">Images classified right.</param>
/// <param name="Count">Images in all.</param>
public sealed record StageEvaluated(string Stage, int Correct, int Count) : PithEvent;
