namespace Pith.Onnx;

/// <summary>Keys under which <see cref="Graph.Metadata"/> keeps what an ONNX file has in fields of its own.</summary>
internal static class OnnxMetadata
{
    /// <summary>The model's doc_string.</summary>
    public const string ModelDoc = "onnx.model_doc";

    /// <summary>The graph's doc_string.</summary>
    public const string GraphDoc = "onnx.graph_doc";
}
