using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>
/// What Pith's own engine is fastest and most accurate with. Residual Adds and simple activations stay in the convolution before them: fewer roundings, fewer passes over memory. A pair before
/// Sigmoid and x * sigmoid(x) makes a table of 256 bytes of them, which takes less time than the function. uint8 with a zero point costs the engine nothing, because it stores all activations as unsigned bytes.
/// </summary>
internal static class PithTarget
{
    /// <summary>The entry of the catalog.</summary>
    public static QuantizationTarget Target { get; } = new()
    {
        Name = "pith",
        Help = "uint8 with zero points, a pair before Sigmoid, otherwise as tensorrt: what Pith's engine is fastest and most accurate with",
        Activations = ActivationForm.UInt8,
        TakesZeroPoints = true,
        Rules = [new SigmoidRule(), .. TensorRtTarget.Rules],
    };

    /// <summary>The operand of Sigmoid, and x in x * sigmoid(x), when it is an image.</summary>
    private sealed class SigmoidRule : PlacementRule
    {
        public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search) => node.Op switch
        {
            Sigmoid when node.Output.Type.Rank == 4 => FloatOperands(node),
            Mul when node.Output.Type.Rank == 4 => [.. FloatOperands(node).Where(i => node.Inputs[1 - i]!.Producer is { Op: Sigmoid } gate && ReferenceEquals(gate.Inputs[0], node.Inputs[i]))],
            _ => [],
        };
    }
}
