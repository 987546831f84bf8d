using Pith.Onnx;

namespace Pith;

/// <summary>One node as a model file spells it, before import turns it into what Pith computes with.</summary>
/// <param name="Name">Its name; that of its first output when it has none.</param>
/// <param name="OpType">The op.</param>
/// <param name="Domain">The op's domain; empty for ONNX's own ops.</param>
public sealed record OnnxFileNode(string Name, string OpType, string Domain)
{
    /// <summary>Whether it calls a function that the file defines.</summary>
    public bool IsFunction { get; init; }
}

/// <summary>What a model file declares and what importing it normalises away: the opset, and every node under its own op and domain. Read with <see cref="OnnxModel.ReadContents"/>.</summary>
/// <param name="Opset">The version of ONNX's own ops.</param>
/// <param name="Nodes">The nodes of the main graph, in the order of the file, then those of the functions that the file defines.</param>
public sealed record OnnxFileContents(int Opset, IReadOnlyList<OnnxFileNode> Nodes)
{
    internal static OnnxFileContents Of(ModelProto model)
    {
        var graph = model.Graph ?? throw new PithException("The file holds no graph, so it is not an ONNX model.");
        var opset = OpsetImports.Read(model.OpsetImport, "The model")[OpSchema.OnnxDomain];
        var functions = model.Functions.Select(function => (OpsetImports.Domain(function.Domain), function.Name)).ToHashSet();
        return new OnnxFileContents(opset, [.. graph.Node.Concat(model.Functions.SelectMany(function => function.Node)).Select(Of)]);

        OnnxFileNode Of(NodeProto node)
        {
            var domain = OpsetImports.Domain(node.Domain);
            return new(node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault() ?? node.OpType, node.OpType, domain) { IsFunction = functions.Contains((domain, node.OpType)) };
        }
    }
}
