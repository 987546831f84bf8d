using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>What the code of <see cref="PairCopyEmitter"/> is told.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PairCopyArgs
{
    /// <summary>The floats that become the first of each pair.</summary>
    public byte* First;

    /// <summary>Those that become the second.</summary>
    public byte* Second;

    /// <summary>The pairs.</summary>
    public byte* To;

    /// <summary>Pixels of pairs; at least 1.</summary>
    public nint Pixels;

    /// <summary>Bytes from pixel to pixel of what is read.</summary>
    public nint FromStride;

    /// <summary>Bytes from pixel to pixel of the pairs.</summary>
    public nint ToStride;

    /// <summary>Whole vectors of 16 channels; may be 0.</summary>
    public nint Vectors;

    /// <summary>A bit for each channel after the whole vectors.</summary>
    public long RestMask;

    /// <summary>A copy of <see cref="PairCopyEmitter.Order"/>.</summary>
    public ushort* Order;
}

/// <summary>Kernel <c>pairs_f32bf16_avx512bf16</c>: rounds two rows of floats to bfloat16 and interleaves them, so that a product takes both.</summary>
internal sealed class PairCopyEmitter : KernelEmitter
{
    /// <summary>The name that profiles show.</summary>
    public const string Name = "pairs_f32bf16_avx512bf16";

    /// <summary>The words of a vector of pairs, of which the first 16 are rounded from one row and the others from the other.</summary>
    public static ushort[] Order { get; } = [.. Enumerable.Range(0, 2 * PanelShape.Lanes).Select(i => (ushort)(i / 2 + i % 2 * PanelShape.Lanes))];

    private static readonly AssemblerRegister64 s_first = rbx, s_second = rbp, s_to = rdx, s_pixels = rcx, s_fromStride = r8, s_toStride = r9, s_vectors = r10, s_left = r11, s_at = r12, s_write = r13;

    protected override void Body()
    {
        Load<PairCopyArgs>(Args, (s_first, nameof(PairCopyArgs.First)), (s_second, nameof(PairCopyArgs.Second)), (s_to, nameof(PairCopyArgs.To)), (s_pixels, nameof(PairCopyArgs.Pixels)));
        Load<PairCopyArgs>(Args, (s_fromStride, nameof(PairCopyArgs.FromStride)), (s_toStride, nameof(PairCopyArgs.ToStride)), (s_vectors, nameof(PairCopyArgs.Vectors)), (rax, nameof(PairCopyArgs.RestMask)));
        Asm.kmovw(k1, eax);
        Asm.mov(rax, Field<PairCopyArgs>(Args, nameof(PairCopyArgs.Order)));
        Asm.vmovdqu32(zmm31, __zmmword_ptr[rax]);
        var (pixel, vector, rest) = (Asm.CreateLabel(), Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref pixel);
        Asm.xor(s_at, s_at);
        Asm.mov(s_write, s_to);
        Asm.mov(s_left, s_vectors);
        Asm.test(s_left, s_left);
        Asm.je(rest);
        Asm.Label(ref vector);
        Asm.vmovups(zmm0, __zmmword_ptr[s_second + s_at]);
        Asm.vcvtne2ps2bf16(zmm0, zmm0, __zmmword_ptr[s_first + s_at]);
        Asm.vpermw(zmm0, zmm31, zmm0);
        Asm.vmovdqu32(__zmmword_ptr[s_write], zmm0);
        Asm.add(s_at, PanelShape.Lanes * sizeof(float));
        Asm.add(s_write, PanelShape.Lanes * sizeof(float));
        Asm.dec(s_left);
        Asm.jne(vector);
        Asm.Label(ref rest);
        Asm.vmovups(zmm0.k1.z, __zmmword_ptr[s_second + s_at]);
        Asm.vmovups(zmm1.k1.z, __zmmword_ptr[s_first + s_at]);
        Asm.vcvtne2ps2bf16(zmm0, zmm0, zmm1);
        Asm.vpermw(zmm0, zmm31, zmm0);
        Asm.vmovdqu32(__zmmword_ptr[s_write].k1, zmm0);
        Asm.add(s_first, s_fromStride);
        Asm.add(s_second, s_fromStride);
        Asm.add(s_to, s_toStride);
        Asm.dec(s_pixels);
        Asm.jne(pixel);
    }
}
