using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// A convolution or matrix product with what follows it and nothing else reads in between: Conv → [BatchNormalization] → [Add of a residual] → [activation]. Each of
/// these becomes part of one kernel, so quantization, pruning and lowering look at them together.
/// </summary>
/// <param name="Layer">The Conv, ConvTranspose, Gemm or MatMul.</param>
/// <param name="BatchNorm">The batch norm behind it, or null.</param>
/// <param name="ResidualAdd">The Add of two computed tensors behind that, or null.</param>
/// <param name="Residual">The operand of <paramref name="ResidualAdd"/> that comes from elsewhere; null without one.</param>
/// <param name="Activation">The activation at the end, or null.</param>
public sealed record ConvPattern(Node Layer, Node? BatchNorm, Node? ResidualAdd, Value? Residual, Node? Activation)
{
    /// <summary>The last node of the pattern.</summary>
    public Node Last => Activation ?? ResidualAdd ?? BatchNorm ?? Layer;

    /// <summary>What the pattern computes.</summary>
    public Value Output => Last.Output;

    /// <summary>The pattern that starts at <paramref name="node"/>; null when that is no convolution or matrix product.</summary>
    public static ConvPattern? Match(Node node)
    {
        if (node.Op is not (Conv or ConvTranspose or Gemm or MatMul)) return null;
        var last = node;
        var batchNorm = Next(last)?.Op is BatchNormalization { TrainingMode: false } ? last = Next(last)! : null;
        var add = Next(last)?.Op is Add ? Next(last) : null;
        var residual = add?.Inputs.FirstOrDefault(input => !ReferenceEquals(input, last.Output));
        // A constant is a bias and not a residual; a tensor added to itself, or broadcast over the other, does not fit an epilogue either.
        if (residual is { Constant: null } && residual.Type == add!.Output.Type && last.Output.Type == add.Output.Type) last = add;
        else (add, residual) = (null, null);
        var activation = Next(last) is { } next && IsActivation(next) ? next : null;
        return new ConvPattern(node, batchNorm, add, residual, activation);
    }

    /// <summary>True for the element-wise functions that a kernel can apply to its result.</summary>
    public static bool IsActivation(Node node) => node.Op switch
    {
        Relu or LeakyRelu or HardSwish or HardSigmoid or Sigmoid or Tanh or Elu or Gelu => true,
        Clip => node.Inputs.Skip(1).All(bound => bound is null or { Constant: not null }),
        _ => false,
    };

    private static Node? Next(Node node) => node.Outputs.Count == 1 ? node.Output.SingleConsumer : null;
}
