using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Pith.Kernels.Jit;

/// <summary>
/// Owns emitted machine code. Each piece lies on pages of its own that are writable while it is copied and executable afterwards, never both (W^X). Freed as a whole, when nothing runs the code any
/// more: by <see cref="Dispose"/> or, when that was forgotten, by the finalizer. Thread-safe.
/// </summary>
internal sealed unsafe partial class CodeArena : IDisposable
{
    private const int PageBytes = 4096;

    private readonly List<(nint Start, nuint Bytes)> _pages = [];
    private readonly Dictionary<object, Lazy<nint>> _kernels = [];
    private readonly Lock _gate = new();
    private bool _disposed;

    ~CodeArena() => Free();

    /// <summary>Bytes of all pages.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate) return _pages.Sum(page => (long)page.Bytes);
        }
    }

    /// <summary>The kernel that <paramref name="key"/> describes, emitted when it is asked for the first time.</summary>
    /// <param name="name">What profiles and <c>perf</c> call it: kernel, types, tile, instruction set.</param>
    /// <param name="key">A record with everything that the code depends on; equal keys give equal code.</param>
    /// <param name="emit">Makes the code.</param>
    /// <exception cref="PithException">The system refuses executable memory.</exception>
    public nint Get(string name, object key, Func<byte[]> emit)
    {
        Lazy<nint>? kernel;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_kernels.TryGetValue(key, out kernel)) _kernels.Add(key, kernel = new Lazy<nint>(() => Add(name, emit())));
        }
        // Different kernels are emitted side by side; who asks for one that is being emitted waits.
        return kernel.Value;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (var (start, bytes) in _pages) Free(start, bytes);
            _pages.Clear();
            _kernels.Clear();
        }
    }

    private nint Add(string name, byte[] code)
    {
        var bytes = ((nuint)code.Length + PageBytes - 1) & ~(nuint)(PageBytes - 1);
        var start = Allocate(bytes);
        if (start is 0 or -1) throw Refused("memory", bytes);
        code.CopyTo(new Span<byte>((void*)start, code.Length));
        if (!MakeExecutable(start, bytes))
        {
            Free(start, bytes);
            throw Refused("to make memory executable", bytes);
        }
        lock (_gate) _pages.Add((start, bytes));
        PerfMap.Add(start, code.Length, name);
        return start;
    }

    private static PithException Refused(string what, nuint bytes) =>
        new($"The system refuses {what} for {bytes} bytes of kernel code ({new Win32Exception(Marshal.GetLastPInvokeError()).Message}). Set {Isa.CapVariable}=portable to run without emitted code.");

    private static nint Allocate(nuint bytes)
    {
        const int readWrite = 3, privateAnonymous = 0x22;
        const uint commitAndReserve = 0x3000, pageReadWrite = 4;
        return OperatingSystem.IsWindows() ? VirtualAlloc(0, bytes, commitAndReserve, pageReadWrite) : Map(0, bytes, readWrite, privateAnonymous, -1, 0);
    }

    private static bool MakeExecutable(nint start, nuint bytes)
    {
        const int readExecute = 5;
        const uint pageExecuteRead = 0x20;
        return OperatingSystem.IsWindows() ? VirtualProtect(start, bytes, pageExecuteRead, out _) : Protect(start, bytes, readExecute) == 0;
    }

    private static void Free(nint start, nuint bytes)
    {
        const uint release = 0x8000;
        if (OperatingSystem.IsWindows()) _ = VirtualFree(start, 0, release);
        else _ = Unmap(start, bytes);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualProtect(nint address, nuint size, uint protection, out uint old);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualFree(nint address, nuint size, uint type);
}
