namespace Pith.Ops;

/// <summary>What the gradients of Max and Min have in common.</summary>
internal static class Extremum
{
    /// <summary>The gradient goes to the operand that was taken; of equal ones to the first.</summary>
    public static Value?[] Gradient(GradientContext context)
    {
        var (left, zero) = (context.OutputGradient, context.Constant(0));
        var gradients = new Value?[context.Node.Inputs.Count];
        for (var i = 0; i < gradients.Length; i++)
        {
            var isTaken = context.Emit(new Equal(), context.Input(i), context.Output);
            if (context.Needs(i)) gradients[i] = context.SumTo(i, context.Emit(new Where(), isTaken, left, zero));
            if (i < gradients.Length - 1) left = context.Emit(new Where(), isTaken, zero, left);
        }
        return gradients;
    }
}
