using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary><see cref="ActivationEmitter"/> for CPUs without AVX-512: the same operations in the same order on eight values, with constants in registers and blends in place of opmasks.</summary>
/// <param name="asm">The assembler.</param>
/// <param name="shared">Holds the address of an <see cref="EpilogueConstants"/> block.</param>
internal sealed class VexActivationEmitter(Assembler asm, AssemblerRegister64 shared)
{
    private const byte RoundNearest = 0;

    /// <summary>Replaces <paramref name="x"/> by its activation; the other registers are overwritten.</summary>
    public void Emit(ActivationKind kind, AssemblerRegisterYMM x, AssemblerRegisterYMM constant, AssemblerRegisterYMM result, AssemblerRegisterYMM n, AssemblerRegisterYMM r)
    {
        switch (kind)
        {
            case ActivationKind.None:
                break;
            case ActivationKind.Clip:
                asm.vmaxps(x, x, Scalar(constant, EpilogueConstants.ActivationA));
                asm.vminps(x, x, Scalar(constant, EpilogueConstants.ActivationB));
                break;
            case ActivationKind.LeakyRelu:
                // x < 0 ? x * a : x
                asm.vxorps(n, n, n);
                asm.vcmpltps(n, x, n);
                asm.vmulps(result, x, Scalar(constant, EpilogueConstants.ActivationA));
                asm.vblendvps(x, x, result, n);
                break;
            case ActivationKind.HardSigmoid:
                asm.vmulps(x, x, Scalar(constant, EpilogueConstants.ActivationA));
                asm.vaddps(x, x, Scalar(constant, EpilogueConstants.ActivationB));
                Unit(x, constant);
                break;
            case ActivationKind.HardSwish:
                // x * unit(x / 6 + 1/2)
                asm.vdivps(result, x, Table(constant, ActivationEmitter.Six));
                asm.vaddps(result, result, Table(constant, ActivationEmitter.Half));
                Unit(result, constant);
                asm.vmulps(x, x, result);
                break;
            case ActivationKind.Sigmoid:
                Sigmoid(x, constant, result, n, r);
                asm.vmovaps(x, result);
                break;
            case ActivationKind.Silu:
                Sigmoid(x, constant, result, n, r);
                asm.vmulps(x, x, result);
                break;
            case ActivationKind.Gelu:
                Gelu(x, constant, result, n, r);
                break;
            case ActivationKind.GeluTanh:
                asm.vmulps(n, x, x);
                asm.vmulps(n, n, Table(constant, ActivationEmitter.GeluCubic));
                asm.vaddps(n, n, Table(constant, ActivationEmitter.GeluLinear));
                asm.vmulps(n, n, x);
                Sigmoid(n, constant, result, n, r);
                asm.vmulps(x, x, result);
                break;
            default:
                throw new InvalidOperationException($"Activation {kind} has no emitted form.");
        }
    }

    // min(max(value, 0), 1)
    private void Unit(AssemblerRegisterYMM value, AssemblerRegisterYMM constant)
    {
        asm.vxorps(constant, constant, constant);
        asm.vmaxps(value, value, constant);
        asm.vminps(value, value, Table(constant, ActivationEmitter.One));
    }

    // result = 1 / (1 + exp(-value)); value stays.
    private void Sigmoid(AssemblerRegisterYMM value, AssemblerRegisterYMM constant, AssemblerRegisterYMM result, AssemblerRegisterYMM n, AssemblerRegisterYMM r)
    {
        asm.vxorps(result, result, result);
        asm.vsubps(result, result, value);
        asm.vmaxps(result, result, Table(constant, ActivationEmitter.MostNegative));
        asm.vminps(result, result, Table(constant, ActivationEmitter.MostPositive));
        Exp(constant, result, n, r);
        Table(constant, ActivationEmitter.One);
        asm.vaddps(result, result, constant);
        asm.vdivps(result, constant, result);
    }

    // max(x, 0) - a p(t) e^(-a^2 / 2) with a = |x|.
    private void Gelu(AssemblerRegisterYMM x, AssemblerRegisterYMM constant, AssemblerRegisterYMM result, AssemblerRegisterYMM n, AssemblerRegisterYMM r)
    {
        Size(result, x, constant);
        asm.vmulps(result, result, result);
        asm.vmulps(result, result, Table(constant, ActivationEmitter.Half));
        asm.vxorps(n, n, n);
        asm.vsubps(result, n, result);
        Exp(constant, result, n, r);
        Size(n, x, constant);
        asm.vmulps(r, n, Table(constant, ActivationEmitter.TailInput));
        asm.vaddps(r, r, Table(constant, ActivationEmitter.One));
        asm.vdivps(r, constant, r);
        asm.vmulps(n, r, Table(constant, ActivationEmitter.FirstTailCoefficient));
        for (var i = 1; i < Int8Activation.TailCoefficients.Length; i++)
        {
            asm.vaddps(n, n, Table(constant, ActivationEmitter.FirstTailCoefficient + i));
            asm.vmulps(n, n, r);
        }
        asm.vmulps(result, n, result);
        Size(n, x, constant);
        asm.vmulps(n, n, result);
        asm.vxorps(r, r, r);
        asm.vmaxps(x, x, r);
        asm.vsubps(x, x, n);
    }

    // |x|, of at most 12.
    private void Size(AssemblerRegisterYMM size, AssemblerRegisterYMM x, AssemblerRegisterYMM constant)
    {
        asm.vandps(size, x, Table(constant, ActivationEmitter.Magnitude));
        asm.vminps(size, size, Table(constant, ActivationEmitter.LargestTail));
    }

    // result = e^result, which lies within -87 and 87.
    private void Exp(AssemblerRegisterYMM constant, AssemblerRegisterYMM result, AssemblerRegisterYMM n, AssemblerRegisterYMM r)
    {
        asm.vmulps(n, result, Table(constant, ActivationEmitter.Log2E));
        asm.vroundps(n, n, RoundNearest);
        // n * Ln2High is exact: fused or not, the bits are the same. The other products are not, and stay apart.
        asm.vfnmadd231ps(result, n, Table(constant, ActivationEmitter.Ln2High));
        asm.vmulps(r, n, Table(constant, ActivationEmitter.Ln2Low));
        asm.vaddps(r, result, r);
        asm.vmulps(result, r, Table(constant, ActivationEmitter.FirstCoefficient));
        for (var i = 1; i <= ActivationEmitter.Degree; i++)
        {
            asm.vaddps(result, result, Table(constant, ActivationEmitter.FirstCoefficient + i));
            if (i < ActivationEmitter.Degree) asm.vmulps(result, result, r);
        }
        asm.vcvtps2dq(n, n);
        asm.vpaddd(n, n, Table(constant, ActivationEmitter.Bias));
        asm.vpslld(n, n, 23);
        asm.vmulps(result, result, n);
    }

    private AssemblerRegisterYMM Table(AssemblerRegisterYMM to, int index) => Scalar(to, EpilogueConstants.ActivationTable + index * sizeof(float));

    private AssemblerRegisterYMM Scalar(AssemblerRegisterYMM to, int offset)
    {
        asm.vbroadcastss(to, __dword_ptr[shared + offset]);
        return to;
    }
}
