using System.Runtime.InteropServices;

namespace Pith.Kernels;

/// <summary>
/// Asks the operating system for the use of AMX tiles, whose state it saves only for processes that asked. Granted once, it holds for all threads of the process.
/// </summary>
internal static partial class AmxPermission
{
    /// <summary>Whether the process may use tiles; asks at the first call.</summary>
    public static bool IsGranted => s_granted.Value;

    private static readonly Lazy<bool> s_granted = new(Ask);

    private static bool Ask()
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                const long archPrctl = 158, requestPermission = 0x1023, tileData = 18;
                return SystemCall(archPrctl, requestPermission, tileData) == 0;
            }
            const ulong tileDataMask = 1ul << 18;
            return OperatingSystem.IsWindows() && EnableProcessOptionalXStateFeatures(tileDataMask);
        }
        catch (EntryPointNotFoundException)
        {
            // Windows before 11 and Server 2022 have no such call, and no AMX.
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long SystemCall(long number, long first, long second);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool EnableProcessOptionalXStateFeatures(ulong features);
}
