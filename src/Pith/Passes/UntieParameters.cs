using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// Gives each op a vector of its own where several read one constant as a bias, as a parameter of a normalization, as slopes or as a factor per channel. Exporters store equal tensors once, and biases and batch norms that are
/// new are all equal, so that such sharing says nothing; trained together they would be other networks than the one that was exported. Weights and tables that several ops read stay shared, since equal ones are not a coincidence, and so does the bias
/// of layers that share their weight: that is one layer applied several times.
/// </summary>
public sealed class UntieParameters : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var positions = new Dictionary<Node, int>(ReferenceEqualityComparer.Instance);
        foreach (var node in graph.Nodes) positions.Add(node, positions.Count);
        return graph.Constants.Where(constant => constant.Uses.Count > 1 && constant.Type.DataType.IsFloat() && IsVector(constant)).ToArray()
            .Sum(constant => Untie(graph, constant, [.. constant.Uses.OrderBy(use => positions[use.Node]).ThenBy(use => use.Index)]));
    }

    private static int Untie(Graph graph, Value constant, Use[] uses)
    {
        var groups = uses.GroupBy(LayerOf, ReferenceEqualityComparer.Instance).ToArray();
        // Readers that stay together keep the constant itself; else the first one does.
        var owner = groups.FirstOrDefault(group => group.Key == constant) ?? groups[0];
        foreach (var group in groups)
        {
            if (group == owner) continue;
            var own = graph.AddConstant($"{constant.Name}/{group.First().Node.Name}", constant.Constant!);
            foreach (var use in group) graph.ReplaceInput(use.Node, use.Index, own);
        }
        return groups.Length - 1;

        // The weight that layers share, the use itself, or the constant for readers that it belongs to together.
        object LayerOf(Use use) => (use.Node.Op, use.Index) switch
        {
            (Conv or ConvTranspose or Gemm, 2) => use.Node.Input(1) is { Uses.Count: > 1 } weight ? weight : use,
            (BatchNormalization, >= 1) or (LayerNormalization or InstanceNormalization, 1 or 2) or (PRelu, 1) => use,
            (Add or Sub or Mul or Sum, _) when constant.Type.Dims.Any(dim => dim != 1) => use,
            _ => constant,
        };
    }

    private static bool IsVector(Value constant) => constant.Type.Dims.Count(dim => dim != 1) <= 1;
}
