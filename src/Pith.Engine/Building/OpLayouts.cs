using Pith.Ops;

namespace Pith.Building;

/// <summary>The layouts that unfused ops are run in. An op that is not listed gets row-major operands; a wrong line costs speed only, because the reference tactic converts.</summary>
internal static class OpLayouts
{
    private static readonly Dictionary<string, LayoutRule> s_rules = new(StringComparer.Ordinal)
    {
    };

    public static LayoutRule Of(Node node)
    {
        if (s_rules.GetValueOrDefault(node.Op.Schema.Name) is { } rule) return rule;
        return node.Op is UnaryOp or BinaryOp && node.Inputs.All(input => KeepsAxes(input!, node.Output)) ? LayoutRule.Agnostic : LayoutRule.RowMajor;
    }

    // Element-wise ops work in any layout as long as every operand's axes are those of the result: the same rank, or a single element.
    private static bool KeepsAxes(Value input, Value output) =>
        input.Type.Rank == output.Type.Rank || input.Constant is { Length: 1 };
}
