namespace Pith.Onnx;

/// <summary>Explains a node whose op Pith does not have: which it is, what comes nearest and what can be done.</summary>
internal static class UnsupportedOp
{
    private static readonly HashSet<string> s_controlFlow = new(StringComparer.Ordinal) { "If", "Loop", "Scan", "SequenceMap" };

    public static PithException Explain(NodeProto node, string nodeName, int opset)
    {
        var domain = node.Domain.Length == 0 ? "ai.onnx" : node.Domain;
        return new PithException($"op '{node.OpType}' (domain {domain}, opset {opset}) of node '{nodeName}' is not supported. {Advice(node)}");
    }

    private static string Advice(NodeProto node)
    {
        if (s_controlFlow.Contains(node.OpType)) return "Pith runs graphs without control flow: export the model with fixed sizes, so that branches and loops are resolved by the exporter.";
        if (node.Domain == CompositeOp.RuntimeDomain)
            return "Of ONNX Runtime's own ops Pith reads those that its quantizer writes and the simpler fused ones. If its optimiser wrote the file, start from the model before that, or optimise at the level 'basic', which keeps to ONNX's ops.";
        if (node.Domain.Length > 0 && node.Domain != "ai.onnx") return "Ops of other domains can be read when the file defines them as functions; export the model so, or with ONNX's ops only.";
        if (node.OpType.Contains("Sequence", StringComparison.Ordinal) || node.OpType.StartsWith("Optional", StringComparison.Ordinal)) return "Pith computes with tensors only, not with sequences or optionals.";
        var nearest = OpCatalog.All.MinBy(schema => ClosestNames.Distance(schema.Name, node.OpType))!;
        return ClosestNames.Distance(nearest.Name, node.OpType) <= Math.Max(1, node.OpType.Length / 4)
            ? $"The nearest op that is supported is '{nearest.Name}'."
            : "Export the model so that it uses ops that Pith has (`docs/architecture.md` says how to add one).";
    }

}
