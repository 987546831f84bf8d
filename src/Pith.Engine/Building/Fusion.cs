namespace Pith.Building;

/// <summary>Groups the nodes of a graph into what will be layers.</summary>
internal static class Fusion
{
    // One sweep over the graph for each, in this order: a contraction takes the Add, activation and QuantizeLinear after it before these are offered to the fusions that follow, and only
    // what none of them wants becomes a layer of its own.
    private static readonly Func<Node, FusionContext, FusedNode?>[] s_fusions =
    [
        AttentionFusion.TryFuse,
        ContractionFusion.TryFuse,
        TrainingFusion.TryFuse,
        PoolFusion.TryFuse,
        NormalizationFusion.TryFuse,
        PixelTableFusion.TryFuse,
        TableFusion.TryFuseThroughPairs, // before a product that is part of such a region becomes a layer
        BinaryFusion.TryFuse,
        TableFusion.TryFuse,
        FakeQuantizeFusion.TryFuse,
        GeluFusion.TryFuse,
        ChannelFusion.TryFuse,
        DataFusion.TryFuse,
        Unfused,
    ];

    /// <summary>The fused nodes in execution order. Values in <paramref name="observed"/> and the graph's outputs are always results of one.</summary>
    public static IReadOnlyList<FusedNode> Fuse(Graph graph, IReadOnlyCollection<Value> observed, BatchShapes shapes, EngineOptions options)
    {
        var context = new FusionContext(graph, observed, shapes, options);
        var all = new List<FusedNode>();
        foreach (var fuse in s_fusions)
            foreach (var node in graph.Nodes)
            {
                if (context.IsTaken(node) || TryFuse(fuse, node, context) is not { } fused) continue;
                context.Take(fused);
                all.Add(fused);
            }
        // A layer runs where its last node stood: everything that any of its nodes reads is computed by then.
        all.Sort((left, right) => context.Order(left.Nodes[^1]).CompareTo(context.Order(right.Nodes[^1])));
        return WithoutUnread(all, [.. observed, .. graph.Outputs]);
    }

    // Null also when the batch is where the fusion, or what it makes, does not expect it: the nodes are then run one by one, at the sizes of each run.
    private static FusedNode? TryFuse(Func<Node, FusionContext, FusedNode?> fuse, Node node, FusionContext context)
    {
        try
        {
            return fuse(node, context) is { } fused && (fused.Batch == BatchSupport.AnyAxis || fused.Inputs.Concat(fused.Outputs).All(value => value is null || context.ShapeOf(value).IsFixedPerImage)) ? fused : null;
        }
        catch (BatchDependentException)
        {
            return null;
        }
    }

    // A DequantizeLinear whose readers all take the 8-bit values, for example.
    private static List<FusedNode> WithoutUnread(List<FusedNode> all, IEnumerable<Value> wanted)
    {
        var read = new HashSet<Value>(wanted, ReferenceEqualityComparer.Instance);
        var kept = new List<FusedNode>();
        foreach (var fused in Enumerable.Reverse(all))
        {
            if (!fused.Outputs.Any(read.Contains)) continue;
            kept.Add(fused);
            foreach (var input in fused.Inputs)
                if (input is not null) read.Add(input);
        }
        kept.Reverse();
        return kept;
    }

    private static FusedNode Unfused(Node node, FusionContext context) => new()
    {
        Nodes = [node],
        Inputs = [.. node.Inputs.Select(input => node.Op is Ops.BinaryOp ? OfFullRank(input!, node, context) : input)],
        Outputs = node.Outputs,
        Layouts = OpLayouts.Of(node),
        Batch = BatchSupport.AnyAxis,
        Create = parts => new OpLayer { Op = node.Op, Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Macs = parts.Macs, AllowsBf16 = context.AllowsBf16 && (node.Op is Ops.ConvWeightGradient || (node.Op is Ops.Gemm { TransA: true } && !context.Literal)) },
    };

    // A constant [C, 1, 1] beside an image is [1, C, 1, 1]: then its axes are the image's, in any layout.
    private static Value OfFullRank(Value input, Node node, FusionContext context)
    {
        var missing = node.Output.Type.Rank - input.Type.Rank;
        if (missing == 0 || input.Constant is not { Length: > 1 } constant) return input;
        return context.Graph.AddConstant(input.Name, constant.Reshape(new Shape([.. Enumerable.Repeat(1, missing), .. constant.Shape.Dims])));
    }
}
