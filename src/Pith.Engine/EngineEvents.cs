namespace Pith;

/// <summary>A tactic cannot run a layer. Not reported for layers whose tactic a plan states.</summary>
/// <param name="Layer">The layer's name.</param>
/// <param name="Spec">What the layer is.</param>
/// <param name="Tactic">The tactic.</param>
/// <param name="Reason">Why not.</param>
public sealed record TacticRejected(string Layer, LayerSpec Spec, string Tactic, string Reason) : PithEvent;

/// <summary>A tactic was timed on a layer.</summary>
/// <param name="Layer">The layer's name.</param>
/// <param name="Spec">What the layer is.</param>
/// <param name="Tactic">The tactic.</param>
/// <param name="Seconds">The median time of one run at the largest batch.</param>
public sealed record TacticTimed(string Layer, LayerSpec Spec, string Tactic, double Seconds) : PithEvent;

/// <summary>The tactic that a layer will be run with.</summary>
/// <param name="Layer">The layer's name.</param>
/// <param name="Spec">What the layer is.</param>
/// <param name="Tactic">The tactic.</param>
/// <param name="Reason">Why this one.</param>
public sealed record TacticChosen(string Layer, LayerSpec Spec, string Tactic, string Reason) : PithEvent;
