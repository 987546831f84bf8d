using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Finds group normalization as exporters write it (Reshape of [N, C, spatial...] to [N, groups, rest], InstanceNormalization, Reshape back), and takes the product and the sum with constants per
/// channel that follow it, or an instance normalization, into scale and bias.
/// </summary>
internal sealed class FindGroupNormalization : LoweringRewrite
{
    protected override Replacement? Rewrite(Graph graph, Node node) => node.Op switch
    {
        Reshape => Grouped(graph, node),
        Mul or Add => Affine(graph, node),
        _ => null,
    };

    private static Replacement? Grouped(Graph graph, Node node)
    {
        if (node.Input(0)!.Producer is not { Op: InstanceNormalization op } norm || norm.Input(0)!.Producer is not { Op: Reshape } split) return null;
        var (x, groups) = (split.Input(0)!, split.Output.Type);
        if (x.Type != node.Output.Type || x.Type.Rank < 3 || x.Type.DataType != DataType.Float32 || groups.Rank != 3 || groups[0] != x.Type[0]) return null;
        if (!groups[1].IsFixed || !x.Type[1].IsFixed || x.Type[1].Size % groups[1].Size != 0) return null;
        if (norm.Input(1)!.Constant is not Tensor<float> scale || norm.Input(2)!.Constant is not Tensor<float> bias) return null;
        var (count, each) = (groups[1].Size, x.Type[1].Size / groups[1].Size);
        return Normalization(graph, norm.Name, new GroupNormalization(count, op.Epsilon), x, PerChannel(scale.Data, each), PerChannel(bias.Data, each));
    }

    private static Replacement? Affine(Graph graph, Node node)
    {
        var at = node.Input(0)!.Producer?.Op is GroupNormalization or InstanceNormalization ? 0 : 1;
        if (node.Inputs.Count != 2 || node.Input(at)!.Producer is not { Op: GroupNormalization or InstanceNormalization } norm || node.Output.Type != norm.Output.Type || node.Output.Type.DataType != DataType.Float32) return null;
        if (norm.Output.Uses.Count != 1 || norm.Output.IsGraphOutput || node.Input(1 - at)!.Constant is not Tensor<float> constant) return null;
        if (norm.Input(1)!.Constant is not Tensor<float> scale || norm.Input(2)!.Constant is not Tensor<float> bias) return null;
        var channelAxis = constant.Shape.Rank - norm.Output.Type.Rank + 1;
        if (constant.Length != 1 && (channelAxis < 0 || constant.Length != scale.Length || constant.Shape[channelAxis] != scale.Length)) return null;
        var values = constant.Length == 1 ? Enumerable.Repeat(constant.Data[0], scale.Length).ToArray() : constant.Data;
        var (scales, biases) = node.Op is Mul
            ? (scale.Data.Zip(values, (s, v) => s * v).ToArray(), bias.Data.Zip(values, (b, v) => b * v).ToArray())
            : (scale.Data, bias.Data.Zip(values, (b, v) => b + v).ToArray());
        return Normalization(graph, norm.Name, norm.Op, norm.Input(0)!, scales, biases);
    }

    private static Replacement Normalization(Graph graph, string name, Op op, Value x, float[] scale, float[] bias)
    {
        var node = graph.AddNode(op, [x, graph.AddConstant($"{name}/scale", Tensor.Vector(scale)), graph.AddConstant($"{name}/bias", Tensor.Vector(bias))], name);
        return new(node.Output, node);
    }

    private static float[] PerChannel(float[] values, int each) => [.. values.SelectMany(value => Enumerable.Repeat(value, each))];
}
