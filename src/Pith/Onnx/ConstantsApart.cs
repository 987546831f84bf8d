namespace Pith.Onnx;

/// <summary>Collects the large constants of a model that is written without them.</summary>
/// <param name="location">Where they will be.</param>
/// <param name="start">The first byte there.</param>
internal sealed class ConstantsApart(string location, long start)
{
    // Smaller ones would be mostly description.
    private const int FewestBytes = 1024;

    private readonly List<Tensor> _constants = [];
    private long _end = start;

    /// <summary>One behind the other.</summary>
    public IReadOnlyList<Tensor> Constants => _constants;

    /// <summary>Describes a tensor that was collected, or writes it whole if it is small.</summary>
    public TensorProto Write(Tensor tensor, string name)
    {
        var bytes = tensor.Bytes.Length;
        // Elements of four bits are packed in a file, and their tensor's own bytes are not.
        if (bytes < FewestBytes || tensor.DataType.IsPacked()) return TensorWriter.Write(tensor, name);
        var proto = TensorWriter.Head(tensor, name);
        ExternalData.Describe(proto, location, _end, bytes);
        _constants.Add(tensor);
        _end += bytes;
        return proto;
    }
}
