using System.Runtime.InteropServices;

namespace Pith.Platform;

/// <summary>Pages of memory from the operating system: for emitted code, which must become executable, and for large blocks, which should lie on huge pages.</summary>
internal static unsafe partial class Pages
{
    private const int ReadWrite = 3, ReadExecute = 5;

    /// <summary>Whether <see cref="TryMap"/> gives zeroed pages that need no other allocator. On Windows blocks of 64 KiB come from the process heap, which maps them itself.</summary>
    public static bool AreMapped => !OperatingSystem.IsWindows();

    // MAP_PRIVATE | MAP_ANONYMOUS; the second differs between the kernels.
    private static int PrivateAnonymous => OperatingSystem.IsLinux() ? 0x02 | 0x20 : 0x02 | 0x1000;

    /// <summary>Zeroed pages that can be written; 0 when the system refuses, with the reason as the last error.</summary>
    public static nint TryMap(nuint bytes)
    {
        const uint commitAndReserve = 0x3000, pageReadWrite = 4;
        if (OperatingSystem.IsWindows()) return VirtualAlloc(0, bytes, commitAndReserve, pageReadWrite);
        return Map(0, bytes, ReadWrite, PrivateAnonymous, -1, 0) is not -1 and var start ? start : 0;
    }

    /// <summary>Makes whole pages executable and no longer writable; false when the system refuses, with the reason as the last error.</summary>
    public static bool TryMakeExecutable(nint start, nuint bytes)
    {
        const uint pageExecuteRead = 0x20;
        return OperatingSystem.IsWindows() ? VirtualProtect(start, bytes, pageExecuteRead, out _) : Protect(start, bytes, ReadExecute) == 0;
    }

    /// <summary>Asks for huge pages, which the system may grant or not. Only Linux is asked: macOS has none on demand, Windows only for users with a privilege.</summary>
    public static void PreferHuge(nint start, nuint bytes)
    {
        const int adviseHugePages = 14;
        if (OperatingSystem.IsLinux()) _ = Advise(start, bytes, adviseHugePages);
    }

    /// <summary>Gives back all pages of one <see cref="TryMap"/>.</summary>
    public static void Unmap(nint start, nuint bytes)
    {
        const uint release = 0x8000;
        if (OperatingSystem.IsWindows()) _ = VirtualFree(start, 0, release);
        else _ = Release(start, bytes);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Release(nint address, nuint length);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualProtect(nint address, nuint size, uint protection, out uint old);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualFree(nint address, nuint size, uint type);
}
