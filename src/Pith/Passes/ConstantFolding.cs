using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// Replaces what can be computed now by constants: nodes that read constants only, and shapes whose sizes are all fixed.
/// Quantization stays visible: a quantized weight after DequantizeLinear is what an INT8 kernel reads.
/// </summary>
public sealed class ConstantFolding : Pass
{
    // A few kilobytes that expand to a gigabyte of zeros, or a loop over 10^12 products, are better left to run time.
    private const long MaxGrownElements = 1 << 16;
    private const long MaxMultiplyAccumulates = 1 << 28;

    /// <summary>
    /// For training: what is computed from a weight or table that others read too, or that repeats its elements (a table of relative positions), stays computed. Folding would make each reading, and each copy of an element, a parameter of its own.
    /// </summary>
    public bool KeepsSharedParameters { get; init; }

    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
            if (Fold(graph, node)) changes++;
        return changes;
    }

    private bool Fold(Graph graph, Node node)
    {
        if (KeepsSharedParameters && ReadsSharedParameter(node)) return false;
        // An Identity of a constant is how a graph returns one.
        if (node.Op is QuantizeLinear or DequantizeLinear or DynamicQuantizeLinear or Identity || node.Op.Schema.Domain != OpSchema.OnnxDomain) return false;
        if (node.Outputs.All(output => output.Uses.Count == 0 && !output.IsGraphOutput)) return false;
        if (Compute(node) is not { } results) return false;
        var names = node.Outputs.Select(output => output.Name).ToArray();
        var constants = new Value[results.Length];
        for (var i = 0; i < results.Length; i++)
        {
            constants[i] = graph.AddConstant(names[i], results[i]);
            graph.ReplaceAllUses(node.Outputs[i], constants[i]);
        }
        graph.Remove(node);
        for (var i = 0; i < results.Length; i++)
            if (graph.Find(names[i]) is null) graph.Rename(constants[i], names[i]);
        return true;
    }

    private static bool ReadsSharedParameter(Node node)
    {
        var repeats = node.Op is Gather or GatherElements or GatherND or Expand or Tile;
        return node.Inputs.Any(input => input?.Constant is { } tensor && tensor.DataType.IsFloat() && (repeats ? tensor.Length > 1 : input.Uses.Count > 1 && input.Type.Dims.Count(dim => dim != 1) > 1));
    }

    private static Tensor[]? Compute(Node node)
    {
        if (node.Outputs.Count == 1 && KnownValues.FromContent(node.Output) is { } shape) return [shape];
        if (node.Inputs.Any(input => input is { Constant: null }) || !IsWorthKeeping(node)) return null;
        try
        {
            return node.Evaluate([.. node.Inputs.Select(input => input?.Constant)]);
        }
        catch (PithException failure)
        {
            throw new PithException($"{node.Op.Schema.Name} '{node.Name}' reads constants only and cannot be computed from them: {failure.Message}", failure);
        }
    }

    private static bool IsWorthKeeping(Node node)
    {
        if (!node.Outputs.All(output => output.Type.IsStatic) || node.Op.Cost(node) > MaxMultiplyAccumulates) return false;
        var read = node.Inputs.Sum(input => (long)(input?.Constant!.Length ?? 0));
        var made = node.Outputs.Sum(output => Sizes.Product(output.Type.Dims.Span));
        return made <= Math.Max(read, MaxGrownElements);
    }
}
