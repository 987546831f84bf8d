using System.Runtime.Intrinsics.X86;

namespace Pith.Platform;

/// <summary>Which registers of an x86-64 CPU the operating system saves for a process: vectors that it does not save must not be used, whatever the CPU has.</summary>
internal static unsafe class SavedRegisters
{
    // XCR0: bits 1 and 2 are the halves of 256-bit registers; bits 5 to 7 are masks and the rest of the 512-bit registers.
    private const ulong Ymm = 0b110, Zmm = 0b1110_0110;

    // CPUID leaf 1, ecx: the system uses XSAVE, so that XGETBV may be asked.
    private const int OsXsave = 1 << 27;

    /// <summary>Bytes of the widest vector registers that are saved: 64, 32 or 16.</summary>
    public static int VectorBytes { get; } = Read();

    private static int Read()
    {
        if (!X86Base.IsSupported || (X86Base.CpuId(1, 0).Ecx & OsXsave) == 0) return 16;
        var saved = ExtendedControl();
        return (saved & Zmm) == Zmm ? 64 : (saved & Ymm) == Ymm ? 32 : 16;
    }

    // .NET has no intrinsic for XGETBV. Where code cannot be made executable, no kernel can either: then nothing beyond the baseline counts.
    private static ulong ExtendedControl()
    {
        // xor ecx, ecx; xgetbv; shl rdx, 32; or rax, rdx; ret
        ReadOnlySpan<byte> code = [0x31, 0xC9, 0x0F, 0x01, 0xD0, 0x48, 0xC1, 0xE2, 0x20, 0x48, 0x09, 0xD0, 0xC3];
        var bytes = (nuint)Environment.SystemPageSize;
        var page = Pages.TryMap(bytes);
        if (page == 0) return 0;
        code.CopyTo(new Span<byte>((void*)page, code.Length));
        var saved = Pages.TryMakeExecutable(page, bytes) ? ((delegate* unmanaged<ulong>)page)() : 0;
        Pages.Unmap(page, bytes);
        return saved;
    }
}
