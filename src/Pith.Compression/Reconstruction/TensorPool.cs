namespace Pith.Compression.Reconstruction;

/// <summary>
/// Memory of float tensors that are no longer needed, for others of as many elements. Values inside a network for all calibration images take hundreds of megabytes at each layer; memory that is fresh from the system costs a
/// page fault for every 4 KiB. One caller at a time.
/// </summary>
internal sealed class TensorPool
{
    // Values of 100 images at the largest layer of a MobileNetV2 take this much.
    private const long MostBytes = 512L << 20;

    // The oldest first.
    private readonly List<float[]> _free = [];
    private long _bytes;

    /// <summary>A tensor with any content.</summary>
    public Tensor<float> Take(Shape shape)
    {
        var at = _free.FindLastIndex(memory => memory.Length == shape.Length);
        if (at < 0) return Tensor.Create(shape, GC.AllocateUninitializedArray<float>(shape.Length));
        var memory = _free[at];
        _free.RemoveAt(at);
        _bytes -= BytesOf(memory);
        return Tensor.Create(shape, memory);
    }

    /// <summary>Takes the memory of a tensor that nobody reads any more; sizes that were not asked for again for long make room.</summary>
    public void Give(Tensor<float> tensor)
    {
        _free.Add(tensor.Data);
        _bytes += BytesOf(tensor.Data);
        while (_bytes > MostBytes)
        {
            _bytes -= BytesOf(_free[0]);
            _free.RemoveAt(0);
        }
    }

    private static long BytesOf(float[] memory) => (long)sizeof(float) * memory.Length;
}
