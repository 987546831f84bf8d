using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>What <see cref="Bf16CopyEmitter"/>'s code is told.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Bf16CopyArgs
{
    /// <summary>The first pixel's floats.</summary>
    public byte* From;

    /// <summary>The first pixel of the copy.</summary>
    public byte* To;

    /// <summary>At least 1.</summary>
    public nint Pixels;

    /// <summary>Bytes from pixel to pixel.</summary>
    public nint FromStride;

    /// <summary>Bytes from pixel to pixel of the copy.</summary>
    public nint ToStride;

    /// <summary>Whole vectors of 16 channels; may be 0.</summary>
    public nint Vectors;

    /// <summary>A bit for each channel after the whole vectors, at most 16.</summary>
    public long RestMask;

    /// <summary>A bit for each element of the copy that is written after the whole vectors, at most 32: those channels, then zeros.</summary>
    public long PaddedRestMask;
}

/// <summary>Rounds pixels of floats to bfloat16, with zeros after the last channel. One code for all sizes: a row of pixels that lie next to each other is one pixel to it.</summary>
internal sealed class Bf16CopyEmitter : KernelEmitter
{
    private static readonly AssemblerRegister64 s_from = rbx, s_to = rdx, s_pixels = rcx, s_fromStride = r8, s_toStride = r9, s_vectors = r10, s_left = r11, s_read = r12, s_write = r13;

    protected override void Body()
    {
        Load<Bf16CopyArgs>(Args, (s_from, nameof(Bf16CopyArgs.From)), (s_to, nameof(Bf16CopyArgs.To)), (s_pixels, nameof(Bf16CopyArgs.Pixels)), (s_vectors, nameof(Bf16CopyArgs.Vectors)));
        Load<Bf16CopyArgs>(Args, (s_fromStride, nameof(Bf16CopyArgs.FromStride)), (s_toStride, nameof(Bf16CopyArgs.ToStride)), (rax, nameof(Bf16CopyArgs.RestMask)), (rbp, nameof(Bf16CopyArgs.PaddedRestMask)));
        Asm.kmovw(k1, eax);
        Asm.kmovd(k2, ebp);
        var (pixel, vector, rest) = (Asm.CreateLabel(), Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref pixel);
        Asm.mov(s_read, s_from);
        Asm.mov(s_write, s_to);
        Asm.mov(s_left, s_vectors);
        Asm.test(s_left, s_left);
        Asm.je(rest);
        Asm.Label(ref vector);
        Asm.vcvtneps2bf16(ymm0, __zmmword_ptr[s_read]);
        Asm.vmovdqu(__ymmword_ptr[s_write], ymm0);
        Asm.add(s_read, PanelShape.Lanes * sizeof(float));
        Asm.add(s_write, PanelShape.Lanes * sizeof(ushort));
        Asm.dec(s_left);
        Asm.jne(vector);
        Asm.Label(ref rest);
        Asm.vmovups(zmm0.k1.z, __zmmword_ptr[s_read]);
        Asm.vcvtneps2bf16(ymm0, zmm0);
        Asm.vmovdqu16(__zmmword_ptr[s_write].k2, zmm0);
        Asm.add(s_from, s_fromStride);
        Asm.add(s_to, s_toStride);
        Asm.dec(s_pixels);
        Asm.jne(pixel);
    }
}
