using System.Text;

namespace Pith.Ops;

/// <summary>An element-wise op with one operand and a derivative. Its gradient is one <see cref="UnaryGradient"/> node.</summary>
public abstract record DifferentiableOp : UnaryOp
{
    /// <summary>
    /// True when <see cref="Derivative"/> is a function of the result y rather than of the operand x. Training then need not keep x,
    /// which for an activation after a normalisation nobody else reads.
    /// </summary>
    public virtual bool DerivativeReadsOutput => false;

    /// <summary>dy/dx at one element.</summary>
    /// <param name="value">The operand's element, or the result's when <see cref="DerivativeReadsOutput"/> says so.</param>
    public abstract double Derivative(double value);

    /// <inheritdoc/>
    public sealed override Value?[] Gradient(GradientContext context) =>
        [context.Emit(new UnaryGradient(this), DerivativeReadsOutput ? context.Output : context.Input(0), context.OutputGradient)];

    /// <summary>Prints the attributes only.</summary>
    protected override bool PrintMembers(StringBuilder builder) => false;
}
