using System.Globalization;

namespace Pith.Compression.Compatibility;

/// <summary>Rules about the zeros of weights.</summary>
internal static class SparsityRules
{
    public static IEnumerable<Finding> Patterns(CheckedModel model)
    {
        foreach (var weight in model.Weights)
        {
            var sparsity = WeightSparsity.Of(weight);
            if (!sparsity.Applies || sparsity.Pattern is not null || sparsity.Zeros * 2 < sparsity.Weights || sparsity.Zeros == sparsity.Weights) continue;
            yield return Finding.At(weight.Node, string.Create(CultureInfo.InvariantCulture, $"{100.0 * sparsity.Zeros / sparsity.Weights:0}% of the {(weight.IsQuantized ? "quantized " : "")}weights are 0, but not two of each four along the {weight.Reduction} input channels: {sparsity.FirstViolation}. --sparsity=enable brings nothing."),
                "Prune to 2:4 along the input channels (pith prune), then quantize; rounding keeps zeros.");
        }
    }
}
