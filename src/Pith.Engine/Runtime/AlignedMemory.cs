using System.Runtime.InteropServices;
using Pith.Platform;

namespace Pith.Runtime;

/// <summary>
/// Zeroed native memory that starts at a cache line; large blocks lie on huge pages where the system has them, which spares kernels that stream weights most address translations. Freed once: by
/// <see cref="Dispose"/> or, when that was forgotten, by the finalizer.
/// </summary>
internal sealed unsafe class AlignedMemory : DeviceMemory
{
    public const int Alignment = 64;

    // Kernels may load a whole vector at the last element.
    private const int Slack = 128;

    // Blocks of at least half a huge page lie on huge pages; what they do not fill is never touched.
    private const long HugePageBytes = 2 << 20;

    // Blocks of this size and more are mapped: the C library's heaps would keep them, in pieces, when a service loads and disposes engines from many threads.
    private const long LeastMapped = 64 << 10;

    // The garbage collector is told of blocks of this size and more, so that forgotten ones are found: being told of a few megabytes makes it collect at once, which took a sixth of the time to load a small network.
    private const long LeastPressure = 8 << 20;

    private byte* _start;
    private nint _mapping;
    private nuint _mappedBytes;

    public AlignedMemory(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        _start = bytes >= LeastMapped && Pages.AreMapped ? MapPages(bytes + Slack) : null;
        if (_start == null)
        {
            _start = (byte*)NativeMemory.AlignedAlloc(checked((nuint)bytes + Slack), Alignment);
            NativeMemory.Clear(_start, (nuint)bytes + Slack);
        }
        if (bytes >= LeastPressure) GC.AddMemoryPressure(bytes);
    }

    ~AlignedMemory() => Free();

    public override long Bytes { get; }

    public override byte* Start => _start != null ? _start : throw new ObjectDisposedException(nameof(AlignedMemory));

    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_start == null) return;
        if (_mapping != 0) Pages.Unmap(_mapping, _mappedBytes);
        else NativeMemory.AlignedFree(_start);
        _start = null;
        _mapping = 0;
        if (Bytes >= LeastPressure) GC.RemoveMemoryPressure(Bytes);
    }

    // Null when the system refuses; it may also grant ordinary pages only where huge ones are asked for.
    private byte* MapPages(long bytes)
    {
        var isHuge = bytes >= HugePageBytes / 2;
        var whole = (bytes + HugePageBytes - 1) & -HugePageBytes;
        _mappedBytes = (nuint)(isHuge ? whole + HugePageBytes : bytes);
        var mapping = Pages.TryMap(_mappedBytes);
        if (mapping == 0) return null;
        _mapping = mapping;
        if (!isHuge) return (byte*)mapping;
        var start = (nint)((mapping + HugePageBytes - 1) & -HugePageBytes);
        Pages.PreferHuge(start, (nuint)whole);
        return (byte*)start;
    }
}
