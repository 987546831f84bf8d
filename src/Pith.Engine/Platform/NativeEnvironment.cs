using System.Runtime.InteropServices;

namespace Pith.Platform;

/// <summary>Environment variables as native libraries read them: outside Windows <see cref="Environment.SetEnvironmentVariable(string, string)"/> changes a copy of .NET's own, which the C library does not see.</summary>
internal static partial class NativeEnvironment
{
    /// <summary>Sets a variable that is not set yet. Not thread-safe against native code that reads variables.</summary>
    public static void SetDefault(string name, string value)
    {
        if (Environment.GetEnvironmentVariable(name) is not null) return;
        Environment.SetEnvironmentVariable(name, value);
        if (!OperatingSystem.IsWindows()) _ = SetVariable(name, value, 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
