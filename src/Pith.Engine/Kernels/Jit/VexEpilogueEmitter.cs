using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Pith.Kernels.Jit.KernelEmitter;

namespace Pith.Kernels.Jit;

/// <summary>
/// <see cref="EpilogueEmitter"/> for CPUs without AVX-512: the same operations, eight channels at a time. Apart from it because hardly an instruction is the same: without opmasks, embedded
/// broadcasts and narrowing stores, constants take registers and tails are stored piece by piece. Accumulators of a pixel are one or two registers, channels in memory order.
/// </summary>
/// <param name="asm">The assembler.</param>
/// <param name="spec">The operations.</param>
/// <param name="channels">Channels that are stored, at most 16.</param>
/// <param name="registers">Addresses and free registers, of which there are at least <see cref="Temporaries"/>.</param>
/// <param name="block">The pixels.</param>
internal sealed class VexEpilogueEmitter(Assembler asm, EpilogueSpec spec, int channels, EpilogueRegisters registers, PixelBlock block) : IBlockEpilogue
{
    /// <summary>Channels of a register.</summary>
    public const int Lanes = 8;

    /// <summary>Registers needed beside the accumulators.</summary>
    public const int Temporaries = 4;

    private const int VectorBytes = Lanes * sizeof(float);

    private readonly VexActivationEmitter _activation = new(asm, registers.Shared);

    /// <summary>Registers of a pixel.</summary>
    private int Halves => (channels + Lanes - 1) / Lanes;

    public void LoadMask()
    {
    }

    // The sums of a pixel and half are register pixel * halves + half. Two pixels are packed together.
    public IEnumerable<Action> Steps(int count, Func<int, int, int, int> load)
    {
        for (var pixel = 0; pixel < count; pixel += 2)
        {
            var (first, pixels) = (pixel, Math.Min(2, count - pixel));
            yield return () => Finish(first, pixels);
        }
    }

    public void Close()
    {
    }

    public void OutOfLine()
    {
    }

    private void Finish(int first, int pixels)
    {
        for (var p = first; p < first + pixels; p++)
            for (var half = 0; half < Halves; half++)
            {
                Real(Accumulator(p, half), p, half);
                Finish(Accumulator(p, half));
                if (spec.IsFloatOutput) StoreFloats(p, half);
            }
        if (!spec.IsFloatOutput) StoreBytes(first, pixels);
    }

    private AssemblerRegisterYMM Accumulator(int pixel, int half) => Ymm(pixel * Halves + Math.Min(half, Halves - 1));

    private AssemblerRegisterYMM Temporary(int index) => Ymm(registers.Free[^(index + 1)]);

    private AssemblerRegisterYMM Broadcast(int temporary, int offset)
    {
        asm.vbroadcastss(Temporary(temporary), __dword_ptr[registers.Shared + offset]);
        return Temporary(temporary);
    }

    private AssemblerMemoryOperand Vector(int offset) => __ymmword_ptr[registers.Shared + offset];

    // float(acc) * multiplier + offset + residual
    private void Real(AssemblerRegisterYMM v, int pixel, int half)
    {
        asm.vcvtdq2ps(v, v);
        asm.vmulps(v, v, __ymmword_ptr[registers.Panel + (EpilogueConstants.Multiplier(1, 0) + half * VectorBytes)]);
        if (spec.HasOffset) asm.vaddps(v, v, __ymmword_ptr[registers.Panel + (EpilogueConstants.Offset(1, 0) + half * VectorBytes)]);
        if (spec.Residual == ResidualKind.None) return;
        var (r, at) = (Temporary(0), registers.Residual + block.Residual(pixel));
        if (spec.Residual == ResidualKind.Floats)
        {
            asm.vmovups(r, __ymmword_ptr[at + half * VectorBytes]);
            if (spec.ResidualIsDivided) asm.vdivps(r, r, Broadcast(1, EpilogueConstants.ResidualDivisor));
            asm.vaddps(v, v, r);
            return;
        }
        asm.vpmovzxbd(r, __qword_ptr[at + half * Lanes]);
        if (spec.ResidualHasZeroPoint) asm.vpsubd(r, r, Broadcast(1, EpilogueConstants.ResidualZeroPoint));
        asm.vcvtdq2ps(r, r);
        var multiplier = Broadcast(1, EpilogueConstants.ResidualMultiplier);
        if (spec.ResidualIsExact)
        {
            asm.vfmadd231ps(v, r, multiplier);
            return;
        }
        asm.vmulps(r, r, multiplier);
        asm.vaddps(v, v, r);
    }

    // Activation, division and, for bytes, rounding to an integer.
    private void Finish(AssemblerRegisterYMM v)
    {
        _activation.Emit(spec.Activation, v, Temporary(0), Temporary(1), Temporary(2), Temporary(3));
        if (spec.Division == DivisionKind.Quick)
        {
            asm.vmulps(Temporary(0), v, Broadcast(1, EpilogueConstants.InverseLow));
            asm.vfmadd132ps(v, Temporary(0), Broadcast(1, EpilogueConstants.InverseHigh));
        }
        else if (spec.Division == DivisionKind.Exact)
        {
            asm.vdivps(v, v, Broadcast(0, EpilogueConstants.Divisor));
        }
        if (spec.IsFloatOutput) return;
        if (spec.ClampsFloats)
        {
            asm.vmaxps(v, v, Broadcast(0, EpilogueConstants.Lowest));
            asm.vminps(v, v, Broadcast(0, EpilogueConstants.Highest));
        }
        // Rounds to nearest, ties to even.
        asm.vcvtps2dq(v, v);
    }

    private void StoreFloats(int pixel, int half)
    {
        var value = Accumulator(pixel, half);
        var to = registers.Output + (block.Output(pixel) + half * VectorBytes);
        var stored = Math.Min(channels - half * Lanes, Lanes);
        if (stored == Lanes)
        {
            asm.vmovups(__ymmword_ptr[to], value);
            return;
        }
        StorePart(new AssemblerRegisterXMM(value.Value - Register.YMM0 + Register.XMM0), to, Math.Min(stored, 4) * sizeof(float));
        if (stored <= 4) return;
        var high = Xmm(registers.Free[^1]);
        asm.vextractf128(high, value, 1);
        StorePart(high, to + 16, (stored - 4) * sizeof(float));
    }

    private void StoreBytes(int pixel, int pixels)
    {
        var (first, second) = (Accumulator(pixel, 0), Accumulator(pixel + pixels - 1, 0));
        Pack(pixel);
        if (pixels == 2) Pack(pixel + 1);
        // Four bytes each of: pixel, half; and again in the upper 128 bits.
        if (spec.IsSigned)
        {
            asm.vpacksswb(first, first, second);
            asm.vpxor(first, first, Vector(EpilogueConstants.ZeroPoints));
        }
        else
        {
            asm.vpackuswb(first, first, second);
        }
        if (spec.HasLowest) asm.vpmaxub(first, first, Vector(EpilogueConstants.LowestBytes));
        if (spec.HasHighest) asm.vpminub(first, first, Vector(EpilogueConstants.HighestBytes));
        asm.vmovdqu(Temporary(0), Vector(EpilogueConstants.HalvesOrder));
        asm.vpermd(first, Temporary(0), first);
        var bytes = new AssemblerRegisterXMM(first.Value - Register.YMM0 + Register.XMM0);
        StorePart(bytes, registers.Output + block.Output(pixel), channels);
        if (pixels == 1) return;
        asm.vextracti128(bytes, first, 1);
        StorePart(bytes, registers.Output + block.Output(pixel + 1), channels);
    }

    private void Pack(int pixel)
    {
        var words = Accumulator(pixel, 0);
        asm.vpackssdw(words, words, Accumulator(pixel, 1));
        if (spec is { HasZeroPoint: true, IsSigned: false }) asm.vpaddsw(words, words, Vector(EpilogueConstants.ZeroPoints));
    }

    // The first bytes of a register, never more.
    private void StorePart(AssemblerRegisterXMM value, AssemblerMemoryOperand to, int bytes)
    {
        if (bytes == 16)
        {
            asm.vmovdqu(__xmmword_ptr[to], value);
            return;
        }
        var done = 0;
        if ((bytes & 8) != 0)
        {
            asm.vmovq(__qword_ptr[to], value);
            done += 8;
        }
        if ((bytes & 4) != 0)
        {
            asm.vpextrd(__dword_ptr[to + done], value, (byte)(done / 4));
            done += 4;
        }
        if ((bytes & 2) != 0)
        {
            asm.vpextrw(__word_ptr[to + done], value, (byte)(done / 2));
            done += 2;
        }
        if ((bytes & 1) != 0) asm.vpextrb(__byte_ptr[to + done], value, (byte)done);
    }
}
