using System.Runtime.InteropServices;

namespace Pith.Runtime;

/// <summary>
/// Zeroed native memory that starts at a cache line; large blocks lie on huge pages where the system has them, which spares kernels that stream weights most address translations. Freed once: by
/// <see cref="Dispose"/> or, when that was forgotten, by the finalizer.
/// </summary>
internal sealed unsafe partial class AlignedMemory : DeviceMemory
{
    public const int Alignment = 64;

    // Kernels may load a whole vector at the last element.
    private const int Slack = 128;

    // Blocks of at least half a huge page lie on huge pages; what they do not fill is never touched.
    private const long HugePageBytes = 2 << 20;

    // Blocks of this size and more are mapped: the C library's heaps would keep them, in pieces, when a service loads and disposes engines from many threads.
    private const long LeastMapped = 64 << 10;

    private byte* _start;
    private nint _mapping;
    private nuint _mappedBytes;

    public AlignedMemory(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        _start = bytes >= LeastMapped && OperatingSystem.IsLinux() ? MapPages(bytes + Slack) : null;
        if (_start == null)
        {
            _start = (byte*)NativeMemory.AlignedAlloc(checked((nuint)bytes + Slack), Alignment);
            NativeMemory.Clear(_start, (nuint)bytes + Slack);
        }
        if (bytes > 0) GC.AddMemoryPressure(bytes);
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
        if (_mapping != 0) _ = Unmap(_mapping, _mappedBytes);
        else NativeMemory.AlignedFree(_start);
        _start = null;
        _mapping = 0;
        if (Bytes > 0) GC.RemoveMemoryPressure(Bytes);
    }

    // Null when the system refuses; it may also grant ordinary pages only where huge ones are asked for.
    private byte* MapPages(long bytes)
    {
        const int readWrite = 3, privateAnonymous = 0x22, adviseHugePages = 14;
        var isHuge = bytes >= HugePageBytes / 2;
        var whole = (bytes + HugePageBytes - 1) & -HugePageBytes;
        _mappedBytes = (nuint)(isHuge ? whole + HugePageBytes : bytes);
        var mapping = Map(0, _mappedBytes, readWrite, privateAnonymous, -1, 0);
        if (mapping is 0 or -1) return null;
        _mapping = mapping;
        if (!isHuge) return (byte*)mapping;
        var start = (nint)((mapping + HugePageBytes - 1) & -HugePageBytes);
        _ = Advise(start, (nuint)whole, adviseHugePages);
        return (byte*)start;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
