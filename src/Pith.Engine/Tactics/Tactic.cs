using Pith.Building;
using Pith.Kernels;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Whether a tactic can run a layer, and if not, why.</summary>
/// <param name="Accepted">Whether it can.</param>
/// <param name="Reason">Why not.</param>
/// <param name="IsOtherKind">The tactic is for layers of another kind, so the reason says nothing about this one.</param>
internal readonly record struct Verdict(bool Accepted, string Reason, bool IsOtherKind = false)
{
    public static Verdict Yes { get; } = new(true, "");

    public static Verdict No(string reason) => new(false, reason);

    /// <summary>For layers that the tactic is not about: other ops, other element types.</summary>
    /// <param name="kind">What it is for.</param>
    public static Verdict NotFor(string kind) => new(false, $"is for {kind}", IsOtherKind: true);
}

/// <summary>One way to run one kind of layer. Tile sizes, instruction sets and epilogues are parameters of a tactic, not tactics. Stateless.</summary>
internal abstract class Tactic
{
    /// <summary>The name that plans, caches and reports use.</summary>
    public abstract string Name { get; }

    /// <summary>The type that the arithmetic is done in, as reports name it.</summary>
    public virtual string Precision(Layer layer) => layer.Precision;

    /// <summary>The form of the weights that its kernels read, as reports name it: <c>dense</c>, <c>2:4</c>, <c>16:2:4</c> …</summary>
    public virtual string WeightForm => TacticVerdict.Dense;

    /// <summary>Whether it is about layers of this kind.</summary>
    public abstract bool IsFor(Layer layer);

    /// <summary>The most that its instructions do on a device that has them, which rates are compared with; null for tactics that are not a measure.</summary>
    public virtual PeakLoop? PeakLoop(Device device) => null;

    /// <summary>Whether the tactic can run the layer on the device.</summary>
    public abstract Verdict Accept(Layer layer, Device device);

    /// <summary>A rough time for one run at the largest batch; only the order among the tactics of a layer matters.</summary>
    public abstract double EstimateSeconds(Layer layer, Device device);

    /// <summary>Packs weights and fixes everything that does not depend on the run. Called only for layers that were accepted.</summary>
    public abstract RunnableLayer Build(Layer layer, BuildResources resources);
}

/// <summary>Marks the plain tactic that ends each list: the specification of its kind of layer.</summary>
internal interface IReferenceTactic
{
    /// <summary>Whether it is plain loops, much slower than a kernel would be.</summary>
    bool RunsPlainLoops => true;
}

/// <summary>A tactic for layers of type <typeparamref name="TLayer"/>.</summary>
internal abstract class Tactic<TLayer> : Tactic where TLayer : Layer
{
    public sealed override bool IsFor(Layer layer) => layer is TLayer;

    public sealed override Verdict Accept(Layer layer, Device device)
    {
        if (layer is not TLayer typed) return Verdict.NotFor($"{typeof(TLayer).Name}, not {layer.GetType().Name}");
        if (Batch == BatchSupport.OuterAxis && layer.Slots.FirstOrDefault(slot => !slot.Shape.IsFixedPerImage) is { } other) return Verdict.No($"needs the batch in the outermost axis, and %{other.Name} is {other.Shape}");
        try
        {
            return Accept(typed, device);
        }
        catch (BatchDependentException unknown)
        {
            return Verdict.No(unknown.Message);
        }
    }

    public sealed override double EstimateSeconds(Layer layer, Device device) => EstimateSeconds((TLayer)layer, device);

    public sealed override RunnableLayer Build(Layer layer, BuildResources resources)
    {
        if (KeepsConstants)
            foreach (var slot in layer.ReadAtRun) resources.KeepConstant(slot);
        var runnable = Build((TLayer)layer, resources);
        runnable.Owner = resources.Owner;
        return runnable;
    }

    /// <summary>Which axes of operands and results may grow with the batch. <see cref="Accept(TLayer, Device)"/> refuses what else it does not know; reading the fixed size of an axis that grows refuses by itself.</summary>
    protected virtual BatchSupport Batch => BatchSupport.OuterAxis;

    /// <summary>Whether constant operands have an address at the run. False for tactics that take their tensors.</summary>
    protected virtual bool KeepsConstants => true;

    protected abstract Verdict Accept(TLayer layer, Device device);

    protected abstract double EstimateSeconds(TLayer layer, Device device);

    protected abstract RunnableLayer Build(TLayer layer, BuildResources resources);
}

/// <summary>A layer that is ready to run. Immutable: everything that changes is in the <see cref="RunState"/>, so contexts share it.</summary>
internal abstract class RunnableLayer
{
    /// <summary>Owns the code and weights that the layer knows by address only: whoever holds the layer holds them.</summary>
    public EngineResources? Owner { get; set; }

    /// <summary>Scratch memory that one worker needs.</summary>
    public virtual long ScratchBytes => 0;

    /// <summary>Scratch memory that all workers share.</summary>
    public virtual long SharedScratchBytes => 0;

    /// <summary>Whether the layer also writes the border of its result, if that has one.</summary>
    public virtual bool WritesBorder => false;

    /// <summary>Reads the operands' slots and writes the results'.</summary>
    public abstract void Run(RunState state);
}
