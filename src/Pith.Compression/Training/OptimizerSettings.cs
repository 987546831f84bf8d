using System.Text.Json.Serialization;

namespace Pith.Compression.Training;

/// <summary>Which rule turns gradients into updates, and its constants. Immutable, value-equal, JSON by <c>kind</c>. A program may pass a rule of its own, which recipes cannot name.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FallBackToBaseType)]
[JsonDerivedType(typeof(SgdSettings), "sgd")]
[JsonDerivedType(typeof(AdamWSettings), "adamw")]
public abstract record OptimizerSettings
{
    /// <summary>How strongly weights are pulled towards zero, 0 to 1.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Whether everything else decays as well as the weights of convolutions and matrix products: biases, scale and shift of normalisations, slopes, factors per channel, position tables and embeddings.</summary>
    public bool DecayBiasAndNorm { get; init; }

    /// <summary>Checks the fields.</summary>
    /// <exception cref="PithException">A field is out of range.</exception>
    public virtual void Check() => FieldRange.Require("weight_decay", WeightDecay, 0, 1);

    /// <summary>The rule itself.</summary>
    public abstract Optimizer Create();
}

/// <summary>Stochastic gradient descent with momentum: <c>v = momentum * v + (g + decay * w)</c>, <c>w -= rate * v</c>, as PyTorch defines it.</summary>
public sealed record SgdSettings : OptimizerSettings
{
    /// <summary>Defaults: decay 1e-4.</summary>
    public SgdSettings() => WeightDecay = 1e-4;

    /// <summary>The share of the last update that goes on, 0 to below 1.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Whether the update looks ahead: <c>w -= rate * (g + decay * w + momentum * v)</c>.</summary>
    public bool Nesterov { get; init; }

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        FieldRange.Require("momentum", Momentum, 0, 0.9999);
    }

    /// <inheritdoc/>
    public override Optimizer Create() => new SgdOptimizer(this);
}

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2; decay scaled by the rate as PyTorch does).</summary>
public sealed record AdamWSettings : OptimizerSettings
{
    /// <summary>Defaults: decay 1e-2.</summary>
    public AdamWSettings() => WeightDecay = 1e-2;

    /// <summary>Decay of the mean of gradients, 0 to below 1.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the mean of squared gradients, 0 to below 1.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the mean square.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        FieldRange.Require("beta1", Beta1, 0, 0.9999);
        FieldRange.Require("beta2", Beta2, 0, 0.999999);
        FieldRange.Require("epsilon", Epsilon, double.Epsilon, 1);
    }

    /// <inheritdoc/>
    public override Optimizer Create() => new AdamWOptimizer(this);
}
