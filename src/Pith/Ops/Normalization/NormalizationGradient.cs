namespace Pith.Ops;

/// <summary>
/// The gradient of y = xhat * scale + bias with xhat = (x - mean) * r and r = 1 / sqrt(variance + epsilon), mean and variance over some axes of x, as ordinary nodes. With g = dy * scale:
/// dx = r * (g - mean(g) - xhat * mean(g * xhat)).
/// </summary>
internal static class NormalizationGradient
{
    /// <summary>Emits dx, and dy * xhat, whose sums are the scale's gradient.</summary>
    /// <param name="context">The forward node; operand 0 is x.</param>
    /// <param name="axes">The axes that mean and variance are taken over.</param>
    /// <param name="epsilon">What is added to the variance.</param>
    /// <param name="scale">The scale, in a shape that broadcasts to x.</param>
    public static (Value Data, Value Scale) Emit(GradientContext context, ValueList<int> axes, float epsilon, Value scale)
    {
        var dy = context.OutputGradient;
        var centred = context.Emit(new Sub(), context.Input(0), Mean(context.Input(0)));
        var variance = Mean(context.Emit(new Mul(), centred, centred));
        var inverse = context.Emit(new Reciprocal(), context.Emit(new Sqrt(), context.Emit(new Add(), variance, context.Constant(epsilon))));
        var normalized = context.Emit(new Mul(), centred, inverse);
        var scaled = context.Emit(new Mul(), dy, scale);
        var correlated = context.Emit(new Mul(), normalized, Mean(context.Emit(new Mul(), scaled, normalized)));
        var data = context.Emit(new Mul(), inverse, context.Emit(new Sub(), context.Emit(new Sub(), scaled, Mean(scaled)), correlated));
        return (data, context.Emit(new Mul(), dy, normalized));

        Value Mean(Value value) => context.Emit(new ReduceMean(axes), value);
    }
}
