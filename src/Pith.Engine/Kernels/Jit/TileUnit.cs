using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>The AMX instructions that kernels use, as the CPU has them. Tests derive a unit that does the same by calls to AVX-512 code, so that AMX kernels are checked on every machine.</summary>
/// <param name="asm">The assembler of the kernel.</param>
internal class TileUnit(Assembler asm)
{
    /// <summary>Tile registers.</summary>
    public const int Count = 8;

    /// <summary>Rows of a full tile.</summary>
    public const int Rows = 16;

    /// <summary>Bytes of a row of a full tile.</summary>
    public const int RowBytes = 64;

    /// <summary>Bytes of a full tile.</summary>
    public const int TileBytes = Rows * RowBytes;

    /// <summary>Bytes of a configuration.</summary>
    public const int ConfigBytes = 64;

    /// <summary>Makes the CPU's own.</summary>
    public static readonly Func<Assembler, TileUnit> Native = asm => new TileUnit(asm);

    private static readonly AssemblerRegisterTMM[] s_tmm = [tmm0, tmm1, tmm2, tmm3, tmm4, tmm5, tmm6, tmm7];

    protected Assembler Asm { get; } = asm;

    /// <summary>Bytes of its stack frame that a kernel leaves to the unit.</summary>
    public virtual int FrameBytes => 0;

    /// <summary>Where these bytes are, counted from the stack pointer, which does not move while tiles are configured.</summary>
    public int FrameOffset { get; set; }

    /// <summary>A configuration: rows of each tile, all 64 bytes wide.</summary>
    public static byte[] Config(ReadOnlySpan<int> rows)
    {
        const int palette = 1, columnBytesAt = 16, rowsAt = 48;
        var config = new byte[ConfigBytes];
        config[0] = palette;
        for (var i = 0; i < rows.Length; i++)
        {
            config[columnBytesAt + 2 * i] = RowBytes;
            config[rowsAt + i] = (byte)rows[i];
        }
        return config;
    }

    /// <summary>The rows of each tile as the thread's configuration will have them while the kernel runs. Emits nothing.</summary>
    public virtual void Expect(int[] rows)
    {
    }

    /// <summary>Configures the thread's tiles.</summary>
    /// <param name="config">Holds the address of a configuration.</param>
    public virtual void Configure(AssemblerRegister64 config) => Asm.ldtilecfg(__[config]);

    /// <summary>Gives the tiles back, so that the system need not save them any more.</summary>
    public virtual void Release() => Asm.tilerelease();

    /// <summary>All elements 0.</summary>
    public virtual void Zero(int tile) => Asm.tilezero(s_tmm[tile]);

    /// <summary>Loads rows that lie <paramref name="stride"/> bytes apart.</summary>
    public virtual void Load(int tile, AssemblerRegister64 start, AssemblerRegister64 stride, int offset) => Asm.tileloadd(s_tmm[tile], __[start + stride * 1 + offset]);

    /// <summary>Stores rows <paramref name="stride"/> bytes apart.</summary>
    public virtual void Store(int tile, AssemblerRegister64 start, AssemblerRegister64 stride, int offset) => Asm.tilestored(__[start + stride * 1 + offset], s_tmm[tile]);

    /// <summary>sum[m, n] += sum over k of left[m, k] (unsigned bytes) * right[k / 4, n, k % 4] (signed bytes), in 32-bit integers.</summary>
    public virtual void DotInt8(int sum, int left, int right) => Asm.tdpbusd(s_tmm[sum], s_tmm[left], s_tmm[right]);

    /// <summary>sum[m, n] += sum over k of left[m, k] * right[k / 2, n, k % 2], bfloat16, in floats.</summary>
    public virtual void DotBf16(int sum, int left, int right) => Asm.tdpbf16ps(s_tmm[sum], s_tmm[left], s_tmm[right]);
}
