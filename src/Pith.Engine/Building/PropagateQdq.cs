using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Moves DequantizeLinear forward and QuantizeLinear backward past ops that only move or compare elements, so that these run on 8 bits and the pairs stand next to the arithmetic that they
/// fuse with. Exact: max, reshapes, transposes and joins give the same elements before and after an increasing function.
/// </summary>
/// <param name="keep">Names of values that must stay as they are, because somebody observes them.</param>
internal sealed class PropagateQdq(IReadOnlySet<string> keep) : Passes.Pass
{
    public override int Apply(Graph graph)
    {
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            if (node.Outputs.All(output => output.Uses.Count == 0 && !output.IsGraphOutput)) continue;
            if (MergeWithEqual(graph, node) || CancelPair(graph, node) || JoinForward(graph, node) || DequantizeForward(graph, node) || SplitForward(graph, node) || QuantizeBackward(graph, node)) changes++;
        }
        return changes;
    }

    private static bool Commutes(Node node) =>
        (node.Op is Pad && node.Inputs.Skip(1).All(operand => operand is null or { Constant: not null })) || node.Op is Reshape or Flatten or Transpose or Squeeze or Unsqueeze or Identity or Slice or Gather or DepthToSpace or SpaceToDepth or Resize { Mode: ResizeMode.Nearest, Coordinates: not ResizeCoordinates.TfCropAndResize } || node is { Op: MaxPool, Outputs.Count: 1 };

    // A window of nothing but padding has the smallest value of the type that it runs in: -infinity, or the smallest integer, which is another number.
    private static bool HasEmptyWindow(Node node)
    {
        if (node.Op is not MaxPool pool) return false;
        var sizes = node.Input(0)!.Type.Dims.Skip(2).ToArray();
        if (!sizes.All(size => size.IsFixed)) return true;
        var axes = pool.Window.Resolve([.. sizes.Select(size => size.Size)], pool.Window.KernelShape.Span);
        return axes.Any(axis => Enumerable.Range(0, axis.Output).Any(window => !Enumerable.Range(0, axis.Kernel).Any(tap => axis.InputAt(window, tap) is var at && at >= 0 && at < axis.Input)));
    }

    private bool IsFree(Value value) => !value.IsGraphOutput && !keep.Contains(value.Name);

    // Two equal Q or DQ of one value become one.
    private bool MergeWithEqual(Graph graph, Node node)
    {
        if (Parameters(node) is not { } mine || keep.Contains(node.Output.Name)) return false;
        // Whichever was inserted first stays.
        var first = node.Input(0)!.Uses.First(use => use.Index == 0 && use.Node.Op.GetType() == node.Op.GetType() && Parameters(use.Node) == mine).Node;
        if (ReferenceEquals(first, node)) return false;
        graph.ReplaceAllUses(node.Output, first.Output);
        return true;
    }

    private static Quantization? Parameters(Node node) => QdqPatterns.OfQuantize(node) ?? QdqPatterns.OfDequantize(node);

    // Q(DQ(q)) with the same parameters is q.
    private bool CancelPair(Graph graph, Node node)
    {
        if (QdqPatterns.OfQuantize(node) is not { } to || !QdqPatterns.IsDequantized(node.Input(0)!, out var q, out var from) || from != to || !IsFree(node.Output)) return false;
        graph.ReplaceAllUses(node.Output, q);
        return true;
    }

    // op(DQ(q)) becomes DQ(op(q)).
    private bool DequantizeForward(Graph graph, Node node)
    {
        if (!Commutes(node) || HasEmptyWindow(node) || !IsFree(node.Output) || keep.Contains(node.Input(0)!.Name) || !QdqPatterns.IsDequantized(node.Input(0)!, out var q, out _)) return false;
        if (OtherOperands(graph, node, node.Input(0)!.Producer!) is not { } others) return false;
        var moved = graph.AddNode(node.Op, [q, .. others], $"{node.Name}/int8").Output;
        Dequantize(graph, node, moved, node.Input(0)!.Producer!);
        return true;
    }

    // The operands after the first for 8-bit data with the parameters of a Q or DQ node. Pad's number is quantized as well; null when, moving a DQ, that would make another number of it.
    private static IEnumerable<Value?>? OtherOperands(Graph graph, Node node, Node parameters)
    {
        if (node.Op is not Pad { Mode: PadMode.Constant }) return node.Inputs.Skip(1);
        var fill = node.Input(2)?.Constant?.Reshape(new Shape()) ?? Tensor.Scalar(0f);
        Tensor?[] scale = [parameters.Input(1)!.Constant, parameters.Input(2)?.Constant];
        // Without a zero point integers are those of the op's own type.
        var type = parameters.Op is QuantizeLinear ? parameters.Output.Type.DataType : parameters.Input(0)!.Type.DataType;
        var stored = new QuantizeLinear { OutputType = type }.Evaluate([fill, .. scale], 1)[0];
        if (parameters.Op is DequantizeLinear && new DequantizeLinear().Evaluate([stored, .. scale], 1)[0].As<float>().Data[0] != ((Tensor<float>)fill).Data[0]) return null;
        return [node.Input(1), graph.AddConstant($"{node.Name}/fill", stored), .. node.Inputs.Skip(3)];
    }

    // split(DQ(q)) becomes DQ of each part of split(q).
    private bool SplitForward(Graph graph, Node node)
    {
        if (node.Op is not Split || node.Outputs.Any(output => !IsFree(output)) || keep.Contains(node.Input(0)!.Name) || !QdqPatterns.IsDequantized(node.Input(0)!, out var q, out _)) return false;
        var like = node.Input(0)!.Producer!;
        var names = node.Outputs.Select(output => $"{output.Name}/int8").ToArray();
        var moved = graph.AddNode(node.Op, [q, .. node.Inputs.Skip(1)], $"{node.Name}/int8", names);
        for (var i = 0; i < node.Outputs.Count; i++)
            graph.ReplaceAllUses(node.Outputs[i], graph.AddNode(like.Op, [moved.Outputs[i], .. like.Inputs.Skip(1)], $"{node.Name}/dequantize").Output);
        return true;
    }

    // concat(DQ(a), DQ(b)) with one scale becomes DQ(concat(a, b)).
    private bool JoinForward(Graph graph, Node node)
    {
        if (node.Op is not Concat || !IsFree(node.Output)) return false;
        var parts = new List<Value>();
        Quantization? common = null;
        foreach (var input in node.Inputs)
        {
            if (!QdqPatterns.IsDequantized(input!, out var q, out var quantization) || (common ?? quantization) != quantization) return false;
            common = quantization;
            parts.Add(q);
        }
        var joined = graph.AddNode(node.Op, parts.ToArray(), $"{node.Name}/int8").Output;
        Dequantize(graph, node, joined, node.Input(0)!.Producer!);
        return true;
    }

    private static void Dequantize(Graph graph, Node replaced, Value quantized, Node like) =>
        graph.ReplaceAllUses(replaced.Output, graph.AddNode(like.Op, [quantized, .. like.Inputs.Skip(1)], $"{replaced.Name}/dequantize").Output);

    // Q(op(x)) becomes op(Q(x)) when nobody else reads what stands between.
    private bool QuantizeBackward(Graph graph, Node node)
    {
        if (QdqPatterns.OfQuantize(node) is null || node.Input(0)!.Producer is not { } op || !IsFree(op.Output) || op.Output.Uses.Count != 1 || !IsFree(node.Output)) return false;
        // Of what Gather picks from, others may pick something else, with another quantization.
        if (op.Op is Gather || !(Commutes(op) || op.Op is Concat)) return false;
        var moving = op.Op is Concat ? op.Inputs.Count : 1;
        var others = moving == 1 ? OtherOperands(graph, op, node) : [];
        Value?[] inputs = [.. op.Inputs.Take(moving).Select((input, i) => graph.AddNode(node.Op, [input, .. node.Inputs.Skip(1)], $"{node.Name}/{i}").Output), .. others!];
        graph.ReplaceAllUses(node.Output, graph.AddNode(op.Op, inputs, $"{op.Name}/int8").Output);
        return true;
    }
}
