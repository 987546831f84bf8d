namespace Pith.Onnx;

/// <summary>Collects the large constants of a model that is written without them.</summary>
/// <param name="location">Where they will be.</param>
/// <param name="start">The first byte there.</param>
/// <param name="compress">Whether those that are 2:4 sparse are compressed, see <see cref="CompressedTensor"/>. Only Pith reads these.</param>
internal sealed class ConstantsApart(string location, long start, bool compress)
{
    // Smaller ones would be mostly description.
    private const int FewestBytes = 1024;

    private readonly List<Tensor> _constants = [];
    private long _end = start;

    /// <summary>One after the other.</summary>
    public IReadOnlyList<Tensor> Constants => _constants;

    /// <summary>Describes a tensor that was collected, or writes it whole if it is small.</summary>
    public TensorProto Write(Tensor tensor, string name)
    {
        // Elements of four bits are packed in a file, and their tensor's own bytes are not.
        if (tensor.Bytes.Length < FewestBytes || tensor.DataType.IsPacked()) return TensorWriter.Write(tensor, name);
        var proto = TensorWriter.Head(tensor, name);
        var axis = compress ? CompressedTensor.AxisOf(tensor) : null;
        var stored = axis is { } sparse ? CompressedTensor.Compress(tensor, sparse) : tensor;
        ExternalData.Describe(proto, location, _end, stored.Bytes.Length, axis);
        _constants.Add(stored);
        _end += stored.Bytes.Length;
        return proto;
    }
}
