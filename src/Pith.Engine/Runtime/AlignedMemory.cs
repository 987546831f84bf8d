using System.Runtime.InteropServices;

namespace Pith.Runtime;

/// <summary>Zeroed native memory that starts at a cache line. Freed once: by <see cref="Dispose"/> or, when that was forgotten, by the finalizer.</summary>
internal sealed unsafe class AlignedMemory : IDisposable
{
    public const int Alignment = 64;

    // Kernels may load a whole vector at the last element.
    private const int Slack = 128;

    private byte* _start;

    public AlignedMemory(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        _start = (byte*)NativeMemory.AlignedAlloc(checked((nuint)bytes + Slack), Alignment);
        NativeMemory.Clear(_start, (nuint)bytes + Slack);
        if (bytes > 0) GC.AddMemoryPressure(bytes);
    }

    ~AlignedMemory() => Free();

    public long Bytes { get; }

    public byte* Start => _start != null ? _start : throw new ObjectDisposedException(nameof(AlignedMemory));

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_start == null) return;
        NativeMemory.AlignedFree(_start);
        _start = null;
        if (Bytes > 0) GC.RemoveMemoryPressure(Bytes);
    }
}
