using System.Runtime.InteropServices;

namespace Pith.Cli.Peers;

/// <summary>A zero-terminated UTF-8 string in native memory, freed by <see cref="Dispose"/>.</summary>
internal sealed class NativeText(string text) : IDisposable
{
    public nint Address { get; private set; } = Marshal.StringToCoTaskMemUTF8(text);

    public void Dispose()
    {
        Marshal.FreeCoTaskMem(Address);
        Address = 0;
    }
}
