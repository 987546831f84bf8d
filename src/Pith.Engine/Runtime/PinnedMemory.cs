using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Pith.Runtime;

/// <summary>
/// Zeroed managed memory that does not move and starts at a cache line. Spans over it keep it alive, so that they stay readable whatever becomes of the context: for memory that callers see.
/// Kernels use <see cref="Start"/>, which is valid as long as this object is reachable. Everything else is <see cref="AlignedMemory"/>, which is freed at once.
/// </summary>
internal sealed unsafe class PinnedMemory
{
    // Kernels may load a whole vector at the last element.
    private const int SlackLines = 2;

    // Elements of 64 bytes, because arrays are limited by their number of elements.
    private readonly Vector512<byte>[] _lines;

    public PinnedMemory(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        // One more line, because arrays start anywhere in a line.
        var lines = bytes / AlignedMemory.Alignment + 2 + SlackLines;
        _lines = lines <= Array.MaxLength ? GC.AllocateArray<Vector512<byte>>((int)lines, pinned: true) : throw new PithException($"An input or output of {bytes} bytes is larger than Pith can hold. Build the engine for a smaller batch.");
        var start = (nint)Unsafe.AsPointer(ref First);
        Start = (byte*)((start + AlignedMemory.Alignment - 1) & -AlignedMemory.Alignment);
    }

    /// <summary>The first byte.</summary>
    public byte* Start { get; }

    /// <summary>The first <paramref name="count"/> elements.</summary>
    public Span<T> Elements<T>(int count) where T : unmanaged
    {
        var skipped = Start - (byte*)Unsafe.AsPointer(ref First);
        return MemoryMarshal.CreateSpan(ref Unsafe.As<byte, T>(ref Unsafe.AddByteOffset(ref First, (nint)skipped)), count);
    }

    private ref byte First => ref Unsafe.As<Vector512<byte>, byte>(ref MemoryMarshal.GetArrayDataReference(_lines));
}
