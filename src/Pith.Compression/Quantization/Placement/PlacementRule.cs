namespace Pith.Compression;

/// <summary>
/// Says which operands of a node go through QuantizeLinear and DequantizeLinear. Nodes are offered in reverse order, consumers before producers, so that a rule can ask how the
/// node's results are read. A new rule is one file and a line in <see cref="All"/>.
/// </summary>
internal abstract class PlacementRule
{
    /// <summary>Every rule; the first that takes a node decides.</summary>
    public static IReadOnlyList<PlacementRule> All { get; } =
    [
        new ComputeLayerRule(),
        new ResidualAddRule(),
        new SqueezeExciteRule(),
        new PreActivationRule(),
        new PoolingRule(),
        new ConcatRule(), // asks what the others have decided for its readers
    ];

    /// <summary>The operands of <paramref name="node"/> to quantize; empty when the rule does not concern it.</summary>
    public abstract IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search);

    /// <summary>All operands that are computed float tensors: constants and integers stay as they are.</summary>
    protected static IReadOnlyList<int> FloatOperands(Node node) =>
        [.. Enumerable.Range(0, node.Inputs.Count).Where(i => node.Inputs[i] is { Constant: null, Type.DataType: DataType.Float32 })];
}
