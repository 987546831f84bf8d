using System.Runtime.InteropServices;

namespace Pith.Platform;

/// <summary>
/// Asks the operating system for the use of AMX tiles, whose state it saves only for processes that asked. Granted once, it holds for all threads of the process.
/// </summary>
internal static partial class AmxPermission
{
    private const long TileData = 18;

    /// <summary>Whether the system would save tiles for processes that ask. Asks for nothing.</summary>
    public static bool IsOffered { get; } = Look();

    /// <summary>Whether the process may use tiles; asks at the first call, which is for who is about to use some: it makes the system save 8 KiB more for each thread that does.</summary>
    public static bool IsGranted => s_granted.Value;

    /// <summary>Whether the process has asked in vain.</summary>
    public static bool IsRefused => s_granted is { IsValueCreated: true, Value: false };

    private static readonly Lazy<bool> s_granted = new(Ask);

    private static unsafe bool Look()
    {
        try
        {
            const long archPrctl = 158, supported = 0x1021;
            ulong features = 0;
            if (OperatingSystem.IsLinux()) return SystemCall(archPrctl, supported, (nint)(&features)) == 0 && (features >> (int)TileData & 1) != 0;
            return OperatingSystem.IsWindows() && (GetEnabledXStateFeatures() >> (int)TileData & 1) != 0;
        }
        catch (EntryPointNotFoundException)
        {
            // Systems without these calls have no AMX either.
            return false;
        }
    }

    private static bool Ask()
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                const long archPrctl = 158, requestPermission = 0x1023;
                return SystemCall(archPrctl, requestPermission, (nint)TileData) == 0;
            }
            return OperatingSystem.IsWindows() && EnableProcessOptionalXStateFeatures(1ul << (int)TileData);
        }
        catch (EntryPointNotFoundException)
        {
            // Windows before 11 and Server 2022 have no such call, and no AMX.
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long SystemCall(long number, long first, nint second);

    [LibraryImport("kernel32")]
    private static partial ulong GetEnabledXStateFeatures();

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool EnableProcessOptionalXStateFeatures(ulong features);
}
