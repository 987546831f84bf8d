using System.Runtime.InteropServices;

namespace Pith.Kernels.Tests;

/// <summary>
/// Floats whose last element touches a page that may not be accessed, so that a read or write beyond the end kills the test at once
/// (on Linux; elsewhere ordinary memory). Bytes before the first element are a canary that <see cref="Check"/> looks at.
/// </summary>
internal sealed unsafe partial class GuardedBuffer : IDisposable
{
    private const int PageBytes = 4096, CanaryFloats = 64;
    private const float Canary = 1234.5f;
    private readonly nint _mapping;
    private readonly nuint _mappingBytes;

    public GuardedBuffer(long length)
    {
        Length = length;
        var bytes = (nuint)((length + CanaryFloats) * sizeof(float));
        var usable = (bytes + PageBytes - 1) / PageBytes * PageBytes;
        _mappingBytes = usable + PageBytes;
        _mapping = OperatingSystem.IsLinux() ? MapWithGuard(usable) : (nint)NativeMemory.AllocZeroed(_mappingBytes);
        Pointer = (float*)(_mapping + (nint)usable) - length;
        new Span<float>(Pointer - CanaryFloats, CanaryFloats).Fill(Canary);
    }

    public float* Pointer { get; }

    public long Length { get; }

    public Span<float> Span => new(Pointer, checked((int)Length));

    public static GuardedBuffer Random(long length, Random random, float low = -1, float high = 1)
    {
        var buffer = new GuardedBuffer(length);
        foreach (ref var value in buffer.Span) value = low + (high - low) * random.NextSingle();
        return buffer;
    }

    /// <summary>Fails when something wrote just before the first element.</summary>
    public void Check()
    {
        foreach (var value in new Span<float>(Pointer - CanaryFloats, CanaryFloats)) Assert.Equal(Canary, value);
    }

    public void Dispose()
    {
        if (OperatingSystem.IsLinux()) _ = Unmap(_mapping, _mappingBytes);
        else NativeMemory.Free((void*)_mapping);
    }

    private nint MapWithGuard(nuint usable)
    {
        const int readWrite = 3, privateAnonymous = 0x22, none = 0;
        var mapping = Map(0, _mappingBytes, readWrite, privateAnonymous, -1, 0);
        Assert.True(mapping > 0, "mmap refused memory for a test buffer");
        Assert.Equal(0, Protect(mapping + (nint)usable, PageBytes, none));
        return mapping;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
