using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>What an emitted sum or product of quantized tensors is told. All bytes are stored bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct BinaryKernelArgs
{
    public byte* Left;
    public byte* Right;
    public byte* Output;

    /// <summary>Pixels of <see cref="BinaryKernelSpec.PixelBytes"/> bytes; flat: blocks of 64 bytes. At least 1.</summary>
    public nint Count;

    /// <summary><see cref="EpilogueConstants"/>.</summary>
    public byte* Shared;
}

/// <summary>Everything that the code of a binary kernel depends on.</summary>
/// <param name="IsSum">Sum; else product.</param>
/// <param name="PixelBytes">Bytes of a pixel when all pixels share one right operand; 0 when operands are met byte by byte.</param>
/// <param name="LeftHasZeroPoint">The left stored zero point is not 0.</param>
/// <param name="RightHasZeroPoint">The right stored zero point is not 0.</param>
/// <param name="Epilogue">Division, rounding and clamp.</param>
internal sealed record BinaryKernelSpec(bool IsSum, int PixelBytes, bool LeftHasZeroPoint, bool RightHasZeroPoint, EpilogueSpec Epilogue);

/// <summary>Kernel <c>binary_u8u8_64_avx512</c>: 64 bytes at a time become four vectors of floats, and go back through the epilogue of contractions. See <see cref="Int8.BinaryInt8{T}"/>.</summary>
internal sealed class BinaryEmitter(BinaryKernelSpec spec) : KernelEmitter
{
    /// <summary>Bytes of a step.</summary>
    public const int BlockBytes = 64;

    private const int Vectors = 4, FirstRight = 4, FirstFree = 8, Registers = 32;

    private static readonly AssemblerRegister64 s_left = rbx, s_right = rcx, s_output = rdx, s_count = rsi, s_shared = r9, s_leftPixel = r10, s_outputPixel = r11, s_pixels = r12;
    private readonly List<EpilogueEmitter> _epilogues = [];

    protected override void OutOfLine()
    {
        foreach (var epilogue in _epilogues) epilogue.OutOfLine();
    }

    protected override void Body()
    {
        Load<BinaryKernelArgs>(Args, (s_left, nameof(BinaryKernelArgs.Left)), (s_right, nameof(BinaryKernelArgs.Right)), (s_output, nameof(BinaryKernelArgs.Output)));
        Load<BinaryKernelArgs>(Args, (s_count, nameof(BinaryKernelArgs.Count)), (s_shared, nameof(BinaryKernelArgs.Shared)));
        if (spec.PixelBytes == 0) Flat();
        else
            for (var channel = 0; channel < spec.PixelBytes; channel += BlockBytes) SharedBlock(channel, Math.Min(BlockBytes, spec.PixelBytes - channel));
    }

    private void Flat()
    {
        var top = Asm.CreateLabel();
        var epilogue = Epilogue(BlockBytes, s_output);
        Asm.Label(ref top);
        Block(epilogue, s_left, () => Reals(s_right, 0, FirstRight, spec.RightHasZeroPoint, EpilogueConstants.ResidualZeroPoint, EpilogueConstants.ResidualMultiplier));
        foreach (var pointer in (AssemblerRegister64[])[s_left, s_right, s_output]) Asm.add(pointer, BlockBytes);
        Asm.dec(s_count);
        Asm.jne(top);
    }

    // Some channels of all pixels; the shared operand stays in registers.
    private void SharedBlock(int channel, int channels)
    {
        var top = Asm.CreateLabel();
        var epilogue = Epilogue(channels, s_outputPixel);
        epilogue.LoadMask();
        Reals(s_right, channel, FirstRight, spec.RightHasZeroPoint, EpilogueConstants.ResidualZeroPoint, EpilogueConstants.ResidualMultiplier);
        Asm.lea(s_leftPixel, __[s_left + channel]);
        Asm.lea(s_outputPixel, __[s_output + channel]);
        Asm.mov(s_pixels, s_count);
        Asm.Label(ref top);
        Block(epilogue, s_leftPixel, () => { });
        Asm.add(s_leftPixel, spec.PixelBytes);
        Asm.add(s_outputPixel, spec.PixelBytes);
        Asm.dec(s_pixels);
        Asm.jne(top);
    }

    private EpilogueEmitter Epilogue(int channels, AssemblerRegister64 output)
    {
        var registers = new EpilogueRegisters(output, output, s_shared, s_shared, Enumerable.Range(FirstFree, Registers - FirstFree).ToArray());
        _epilogues.Add(new EpilogueEmitter(Asm, spec.Epilogue, new PanelShape(Vectors, channels, false), registers, _ => 0, _ => 0));
        return _epilogues[^1];
    }

    private void Block(EpilogueEmitter epilogue, AssemblerRegister64 left, Action right)
    {
        Reals(left, 0, 0, spec.LeftHasZeroPoint, EpilogueConstants.LeftZeroPoint, EpilogueConstants.LeftMultiplier);
        right();
        for (var v = 0; v < Vectors; v++)
        {
            if (spec.IsSum) Asm.vaddps(Zmm(v), Zmm(v), Zmm(FirstRight + v));
            else Asm.vmulps(Zmm(v), Zmm(v), Zmm(FirstRight + v));
        }
        foreach (var step in epilogue.RealSteps(1, (_, vector) => vector)) step();
    }

    // (byte - zero point) * scale of 64 bytes, in four registers, in the order of a pack of four.
    private void Reals(AssemblerRegister64 bytes, int offset, int first, bool hasZeroPoint, int zeroPoint, int multiplier)
    {
        Asm.vmovdqu64(Zmm(FirstFree), __zmmword_ptr[bytes + offset]);
        for (var v = 0; v < Vectors; v++)
        {
            var real = Zmm(first + v);
            Asm.vpshufb(real, Zmm(FirstFree), __zmmword_ptr[s_shared + (EpilogueConstants.BytesToInts + 64 * v)]);
            if (hasZeroPoint) Asm.vpsubd(real, real, __dword_bcst[s_shared + zeroPoint]);
            Asm.vcvtdq2ps(real, real);
            Asm.vmulps(real, real, __dword_bcst[s_shared + multiplier]);
        }
    }
}
