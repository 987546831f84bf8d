namespace Pith.Ops;

/// <summary>ONNX Mish: x · tanh(ln(1 + e^x)). Misra 2019.</summary>
public sealed record Mish : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Mish", _ => new Mish()) { SinceVersion = 18 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value)
    {
        var tanh = Math.Tanh(LogOnePlusExp(value));
        return tanh + value * (1 - tanh * tanh) / (1 + Math.Exp(-value));
    }

    /// <inheritdoc/>
    protected override double Apply(double x) => x * Math.Tanh(LogOnePlusExp(x));

    // e^x of a large x would overflow.
    private static double LogOnePlusExp(double x) => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));
}
