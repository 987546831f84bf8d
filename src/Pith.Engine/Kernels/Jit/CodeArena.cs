using System.ComponentModel;
using System.Runtime.InteropServices;
using Pith.Platform;

namespace Pith.Kernels.Jit;

/// <summary>
/// Owns emitted machine code. Each piece lies on pages of its own that are writable while it is copied and executable afterwards, never both (W^X). Freed as a whole, when nothing runs the code any
/// more: by <see cref="Dispose"/> or, when that was forgotten, by the finalizer. Thread-safe.
/// </summary>
internal sealed unsafe class CodeArena : IDisposable
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
            foreach (var (start, bytes) in _pages) Pages.Unmap(start, bytes);
            _pages.Clear();
            _kernels.Clear();
        }
    }

    private nint Add(string name, byte[] code)
    {
        var bytes = ((nuint)code.Length + PageBytes - 1) & ~(nuint)(PageBytes - 1);
        var start = Pages.TryMap(bytes);
        if (start == 0) throw Refused("memory", bytes);
        code.CopyTo(new Span<byte>((void*)start, code.Length));
        if (!Pages.TryMakeExecutable(start, bytes))
        {
            var refused = Refused("to make memory executable", bytes);
            Pages.Unmap(start, bytes);
            throw refused;
        }
        lock (_gate) _pages.Add((start, bytes));
        PerfMap.Add(start, code.Length, name);
        return start;
    }

    private static PithException Refused(string what, nuint bytes) =>
        new($"The system refuses {what} for {bytes} bytes of kernel code ({new Win32Exception(Marshal.GetLastPInvokeError()).Message}). Set {Isa.CapVariable}=portable to run without emitted code.");
}
