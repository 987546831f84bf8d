namespace Pith.Compression.Quantization;

/// <summary>
/// Says which operands of a node go through QuantizeLinear and DequantizeLinear. Nodes are offered in reverse order, consumers before producers, so that a rule can ask how the
/// node's results are read. Each <see cref="QuantizationTarget"/> has a list of rules.
/// </summary>
internal abstract class PlacementRule
{
    /// <summary>The operands of <paramref name="node"/> to quantize; empty when the rule does not concern it.</summary>
    public abstract IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search);

    /// <summary>Whether the result of a node whose operands the rule quantizes goes through a pair as well, for all of its readers; see <see cref="PlacementSearch.ResultOf"/>.</summary>
    public virtual bool QuantizesResult(Node node, PlacementSearch search) => false;

    /// <summary>
    /// <paramref name="operands"/> except the one that fuses into the layer that computes it, which <paramref name="fusingLayer"/> names (null: none does). When several do, the one computed last is excepted:
    /// the others are ready by then.
    /// </summary>
    protected static IReadOnlyList<int> ExceptFused(Node node, IReadOnlyList<int> operands, Func<Value, Node?> fusingLayer, PlacementSearch search)
    {
        var layers = operands.ToDictionary(i => i, i => fusingLayer(node.Inputs[i]!));
        var fused = operands.Where(i => layers[i] is not null).OrderByDescending(i => search.PositionOf(layers[i]!)).Select(i => (int?)i).FirstOrDefault();
        return [.. operands.Where(i => i != fused)];
    }

    /// <summary>All operands that are computed float tensors: constants and integers stay as they are.</summary>
    protected static IReadOnlyList<int> FloatOperands(Node node) =>
        [.. Enumerable.Range(0, node.Inputs.Count).Where(i => node.Inputs[i] is { Constant: null, Type.DataType: DataType.Float32 })];
}
