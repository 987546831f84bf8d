using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Pith.Kernels.Jit.KernelEmitter;

namespace Pith.Kernels.Jit;

/// <summary>
/// Emits the activations of float layers: the functions of <see cref="Simd.IActivation"/> to within rounding, with fused multiply-adds. Those of <see cref="ActivationEmitter"/> are integer layers',
/// whose bits are specified.
/// </summary>
internal static class ActivationFp32Emitter
{
    /// <summary>Bytes of the block that <see cref="Fill"/> writes.</summary>
    public const int ConstantBytes = 128;

    private const int A = 0, B = 4, One = 8, Half = 12, Sixth = 16, MostNegative = 20, MostPositive = 24, MinusLog2E = 28, Ln2High = 32, Ln2Low = 36, Coefficients = 40,
        Two = 72, Magnitude = 76, LargestTail = 80, ErfInput = 84, ErfCoefficients = 88, GeluLinear = 108, GeluCubic = 112;

    // e^-u for |u| <= ln 2 / 2 by its Taylor polynomial of degree 7, highest power first.
    private static readonly float[] s_coefficients = [-1 / 5040f, 1 / 720f, -1 / 120f, 1 / 24f, -1 / 6f, 0.5f, -1, 1];

    // Half of 1 - erf z is t (c4 + t (c3 + ...)) e^-z^2 with t = 1 / (1 + 0.3275911 z) (Abramowitz and Stegun, 7.1.26), highest power first.
    private static readonly float[] s_erfCoefficients = [1.061405429f / 2, -1.453152027f / 2, 1.421413741f / 2, -0.284496736f / 2, 0.254829592f / 2];

    /// <summary>Whether there is code for the function.</summary>
    public static bool Has(ActivationKind kind) =>
        kind is ActivationKind.None or ActivationKind.Relu or ActivationKind.Clip or ActivationKind.LeakyRelu or ActivationKind.HardSigmoid or ActivationKind.HardSwish or ActivationKind.Sigmoid or ActivationKind.Silu or ActivationKind.Tanh or ActivationKind.Gelu or ActivationKind.GeluTanh;

    /// <summary>Vector registers needed beside the value.</summary>
    public static int Temporaries(ActivationKind kind) => kind switch
    {
        ActivationKind.None => 0,
        ActivationKind.HardSwish => 2,
        ActivationKind.Sigmoid or ActivationKind.Silu or ActivationKind.Tanh or ActivationKind.GeluTanh => 3,
        ActivationKind.Gelu => 4,
        _ => 1,
    };

    /// <summary>The function that code is emitted for: the clip that fusion makes of Relu is cheaper as Relu.</summary>
    public static ActivationKind Simplest(Activation activation) =>
        activation is { Kind: ActivationKind.Clip, A: 0, B: float.PositiveInfinity } ? ActivationKind.Relu : activation.Kind;

    /// <summary>Fills the block of <see cref="ConstantBytes"/> that the code reads.</summary>
    public static unsafe void Fill(Activation activation, byte* block)
    {
        void Put(int offset, float value) => *(float*)(block + offset) = value;
        Put(A, activation.A);
        Put(B, activation.B);
        Put(One, 1);
        Put(Half, 0.5f);
        Put(Sixth, 1 / 6f);
        Put(MostNegative, -87);
        Put(MostPositive, 87);
        Put(MinusLog2E, -1.44269504f);
        Put(Ln2High, 0.693359375f);
        Put(Ln2Low, -2.12194440e-4f);
        for (var i = 0; i < s_coefficients.Length; i++) Put(Coefficients + i * sizeof(float), s_coefficients[i]);
        Put(Two, 2);
        Put(Magnitude, BitConverter.Int32BitsToSingle(int.MaxValue));
        Put(LargestTail, 12);
        Put(ErfInput, 0.3275911f * 0.70710678f);
        for (var i = 0; i < s_erfCoefficients.Length; i++) Put(ErfCoefficients + i * sizeof(float), s_erfCoefficients[i]);
        Put(GeluLinear, 1.5957691f);
        Put(GeluCubic, 0.07135481f);
    }

    /// <summary>Replaces the value in a register by its activation. Overwrites mask k2.</summary>
    /// <param name="asm">The assembler.</param>
    /// <param name="kind">The function.</param>
    /// <param name="value">Index of the value's register.</param>
    /// <param name="free">Indices of as many registers as <see cref="Temporaries"/> says.</param>
    /// <param name="constants">Holds the address of the block.</param>
    public static void Emit(Assembler asm, ActivationKind kind, int value, ReadOnlySpan<int> free, AssemblerRegister64 constants)
    {
        AssemblerMemoryOperand Scalar(int offset) => __dword_bcst[constants + offset];
        void Broadcast(AssemblerRegisterZMM register, int offset) => asm.vbroadcastss(register, __dword_ptr[constants + offset]);
        var x = Zmm(value);
        var registers = free.ToArray();
        AssemblerRegisterZMM Free(int index) => Zmm(registers[index]);
        switch (kind)
        {
            case ActivationKind.None:
                break;
            case ActivationKind.Relu:
                AtLeastZero(x, Free(0));
                break;
            case ActivationKind.Clip:
                Within(x, Free(0), A, B);
                break;
            case ActivationKind.LeakyRelu:
                asm.vxorps(Free(0), Free(0), Free(0));
                asm.vcmpltps(k2, x, Free(0));
                asm.vmulps(x.k2, x, Scalar(A));
                break;
            case ActivationKind.HardSigmoid:
                Broadcast(Free(0), B);
                asm.vfmadd132ps(x, Free(0), Scalar(A));
                Unit(x, Free(0));
                break;
            case ActivationKind.HardSwish:
                Broadcast(Free(0), Half);
                asm.vfmadd231ps(Free(0), x, Scalar(Sixth));
                Unit(Free(0), Free(1));
                asm.vmulps(x, x, Free(0));
                break;
            case ActivationKind.Sigmoid:
                asm.vmovaps(Free(2), x);
                OnePlusExpOfMinus(Free(0), Free(1), Free(2));
                Broadcast(x, One);
                asm.vdivps(x, x, Free(0));
                break;
            case ActivationKind.Silu:
                asm.vmovaps(Free(2), x);
                OnePlusExpOfMinus(Free(0), Free(1), Free(2));
                asm.vdivps(x, x, Free(0));
                break;
            case ActivationKind.Tanh:
                Tanh(Free(0), Free(1), Free(2));
                break;
            // x sigmoid(x (linear + cubic x^2)).
            case ActivationKind.GeluTanh:
                asm.vmulps(Free(2), x, x);
                Broadcast(Free(1), GeluLinear);
                asm.vfmadd132ps(Free(2), Free(1), Scalar(GeluCubic));
                asm.vmulps(Free(2), Free(2), x);
                OnePlusExpOfMinus(Free(0), Free(1), Free(2));
                asm.vdivps(x, x, Free(0));
                break;
            case ActivationKind.Gelu:
                Gelu(Free(0), Free(1), Free(2), Free(3));
                break;
            default:
                throw new InvalidOperationException($"Activation {kind} has no emitted form for floats.");
        }

        // The value is the second operand of minimum and maximum, which NaN is returned from.
        void AtLeastZero(AssemblerRegisterZMM v, AssemblerRegisterZMM bound)
        {
            asm.vxorps(bound, bound, bound);
            asm.vmaxps(v, bound, v);
        }

        void Within(AssemblerRegisterZMM v, AssemblerRegisterZMM bound, int low, int high)
        {
            Broadcast(bound, low);
            asm.vmaxps(v, bound, v);
            Broadcast(bound, high);
            asm.vminps(v, bound, v);
        }

        void Unit(AssemblerRegisterZMM v, AssemblerRegisterZMM bound)
        {
            AtLeastZero(v, bound);
            Broadcast(bound, One);
            asm.vminps(v, bound, v);
        }

        // -E / (2 + E) with E = e^-2x - 1, which keeps the digits of small x. As below, e^-2x = 2^n e^-u, and E = 2^n (e^-u - 1) + (2^n - 1).
        void Tanh(AssemblerRegisterZMM e, AssemblerRegisterZMM n, AssemblerRegisterZMM u)
        {
            asm.vaddps(u, x, x);
            Within(u, n, MostNegative, MostPositive);
            asm.vmulps(n, u, Scalar(MinusLog2E));
            asm.vrndscaleps(n, n, 0);
            asm.vfmadd231ps(u, n, Scalar(Ln2High));
            asm.vfmadd231ps(u, n, Scalar(Ln2Low));
            Broadcast(e, Coefficients);
            for (var i = 1; i < s_coefficients.Length - 1; i++) asm.vfmadd213ps(e, u, Scalar(Coefficients + i * sizeof(float)));
            asm.vmulps(e, e, u);
            asm.vscalefps(e, e, n);
            Broadcast(u, One);
            asm.vscalefps(u, u, n);
            asm.vsubps(u, u, Scalar(One));
            asm.vaddps(e, e, u);
            Broadcast(u, One);
            asm.vaddps(u, u, u);
            asm.vaddps(u, u, e);
            asm.vdivps(x, e, u);
            asm.vxorps(e, e, e);
            asm.vsubps(x, e, x);
        }

        // max(x, 0) - |x| (1 - erf(|x| / sqrt 2)) / 2, with |x| of at most 12: the tail is nothing from there on.
        void Gelu(AssemblerRegisterZMM tail, AssemblerRegisterZMM u, AssemblerRegisterZMM n, AssemblerRegisterZMM p)
        {
            Size(n);
            asm.vmulps(u, n, n);
            asm.vmulps(u, u, Scalar(Half));
            Broadcast(p, One);
            asm.vfmadd132ps(n, p, Scalar(ErfInput));
            // t = 1 / n: an estimate of 14 bits and a step of Newton's.
            asm.vrcp14ps(p, n);
            asm.vmulps(n, n, p);
            Broadcast(tail, Two);
            asm.vsubps(n, tail, n);
            asm.vmulps(p, p, n);
            Broadcast(tail, ErfCoefficients);
            for (var i = 1; i < s_erfCoefficients.Length; i++) asm.vfmadd213ps(tail, p, Scalar(ErfCoefficients + i * sizeof(float)));
            asm.vmulps(tail, tail, p);
            ExpOfMinus(p, n, u);
            asm.vmulps(tail, tail, p);
            Size(n);
            AtLeastZero(x, u);
            asm.vfnmadd231ps(x, tail, n);
        }

        // min(|x|, 12), or NaN.
        void Size(AssemblerRegisterZMM size)
        {
            asm.vpandd(size, x, Scalar(Magnitude));
            asm.vminps(size, size, Scalar(LargestTail));
        }

        // result = 1 + e^-u.
        void OnePlusExpOfMinus(AssemblerRegisterZMM result, AssemblerRegisterZMM n, AssemblerRegisterZMM u)
        {
            Within(u, n, MostNegative, MostPositive);
            ExpOfMinus(result, n, u);
            asm.vaddps(result, result, Scalar(One));
        }

        // result = e^-u for |u| <= 87; overwrites u. With n = round(-u / ln 2) and v = u + n ln 2, e^-u = 2^n e^-v.
        void ExpOfMinus(AssemblerRegisterZMM result, AssemblerRegisterZMM n, AssemblerRegisterZMM u)
        {
            asm.vmulps(n, u, Scalar(MinusLog2E));
            asm.vrndscaleps(n, n, 0);
            asm.vfmadd231ps(u, n, Scalar(Ln2High));
            asm.vfmadd231ps(u, n, Scalar(Ln2Low));
            Broadcast(result, Coefficients);
            for (var i = 1; i < s_coefficients.Length; i++) asm.vfmadd213ps(result, u, Scalar(Coefficients + i * sizeof(float)));
            asm.vscalefps(result, result, n);
        }
    }
}
