using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Pith.Kernels.Jit.KernelEmitter;

namespace Pith.Kernels.Jit;

/// <summary>Emits the activations of <see cref="Int8Activation"/>, operation by operation, so that the bits are the same.</summary>
internal static class ActivationEmitter
{
    // Indices into the table of constants.
    public const int One = 0, Half = 1, Six = 2, MostNegative = 3, MostPositive = 4, Log2E = 5, Ln2High = 6, Ln2Low = 7, Bias = 8, FirstCoefficient = 9;

    /// <summary>GELU's constants, in a table of their own: the mask of a magnitude, then those of <see cref="Int8Activation"/>.</summary>
    public const int Magnitude = (EpilogueConstants.GeluTable - EpilogueConstants.ActivationTable) / sizeof(float), LargestTail = Magnitude + 1, TailInput = Magnitude + 2, GeluLinear = Magnitude + 3,
        GeluCubic = Magnitude + 4, FirstTailCoefficient = Magnitude + 5;

    /// <summary>Of the polynomial of the exponential function.</summary>
    public const int Degree = 7;

    private static readonly float[] s_constants =
    [
        1, 0.5f, 6, -87, 87, 1.44269504f, 0.693359375f, 2.12194440e-4f, BitConverter.Int32BitsToSingle(127),
        1 / 5040f, 1 / 720f, 1 / 120f, 1 / 24f, 1 / 6f, 0.5f, 1, 1,
    ];

    /// <summary>The table at <see cref="EpilogueConstants.ActivationTable"/>. <c>Bias</c> is the integer 127 in the bits of a float.</summary>
    public static ReadOnlySpan<float> Constants => s_constants;

    /// <summary>The table at <see cref="EpilogueConstants.GeluTable"/>.</summary>
    public static float[] GeluConstants { get; } =
        [BitConverter.Int32BitsToSingle(int.MaxValue), Int8Activation.LargestTail, Int8Activation.TailInput, Int8Activation.GeluLinear, Int8Activation.GeluCubic, .. Int8Activation.TailCoefficients];

    /// <summary>Vector registers needed beside the value.</summary>
    public static int Temporaries(ActivationKind kind) => kind is ActivationKind.Sigmoid or ActivationKind.Silu or ActivationKind.Gelu or ActivationKind.GeluTanh ? 3 : kind is ActivationKind.None or ActivationKind.Clip ? 0 : 1;

    /// <summary>Replaces the value in a register by its activation.</summary>
    /// <param name="asm">The assembler.</param>
    /// <param name="kind">The function.</param>
    /// <param name="x">Index of the value's register.</param>
    /// <param name="free">Indices of as many registers as <see cref="Temporaries"/> says.</param>
    /// <param name="constants">Holds the address of an <see cref="EpilogueConstants"/> block.</param>
    public static void Emit(Assembler asm, ActivationKind kind, int x, ReadOnlySpan<int> free, AssemblerRegister64 constants)
    {
        AssemblerMemoryOperand Scalar(int offset) => __dword_bcst[constants + offset];
        AssemblerMemoryOperand Table(int index) => Scalar(EpilogueConstants.ActivationTable + index * sizeof(float));
        AssemblerMemoryOperand a = Scalar(EpilogueConstants.ActivationA), b = Scalar(EpilogueConstants.ActivationB);
        switch (kind)
        {
            case ActivationKind.None:
                break;
            case ActivationKind.Clip:
                asm.vmaxps(Zmm(x), Zmm(x), a);
                asm.vminps(Zmm(x), Zmm(x), b);
                break;
            case ActivationKind.LeakyRelu:
                // x < 0 ? x * a : x
                asm.vxorps(Zmm(free[0]), Zmm(free[0]), Zmm(free[0]));
                asm.vcmpltps(k2, Zmm(x), Zmm(free[0]));
                asm.vmulps(Zmm(x).k2, Zmm(x), a);
                break;
            case ActivationKind.HardSigmoid:
                asm.vmulps(Zmm(x), Zmm(x), a);
                asm.vaddps(Zmm(x), Zmm(x), b);
                Unit(x, free[0]);
                break;
            case ActivationKind.HardSwish:
                // x * unit(x / 6 + 1/2)
                asm.vbroadcastss(Zmm(free[0]), __dword_ptr[constants + EpilogueConstants.ActivationTable + Six * sizeof(float)]);
                asm.vdivps(Zmm(free[0]), Zmm(x), Zmm(free[0]));
                asm.vaddps(Zmm(free[0]), Zmm(free[0]), Table(Half));
                UnitOfOther(free[0]);
                asm.vmulps(Zmm(x), Zmm(x), Zmm(free[0]));
                break;
            case ActivationKind.Sigmoid:
                Sigmoid(x, free[0], free[1], free[2]);
                asm.vmovaps(Zmm(x), Zmm(free[0]));
                break;
            case ActivationKind.Silu:
                Sigmoid(x, free[0], free[1], free[2]);
                asm.vmulps(Zmm(x), Zmm(x), Zmm(free[0]));
                break;
            case ActivationKind.Gelu:
                Gelu(free[0], free[1], free[2]);
                break;
            case ActivationKind.GeluTanh:
                asm.vmulps(Zmm(free[1]), Zmm(x), Zmm(x));
                asm.vmulps(Zmm(free[1]), Zmm(free[1]), Table(GeluCubic));
                asm.vaddps(Zmm(free[1]), Zmm(free[1]), Table(GeluLinear));
                asm.vmulps(Zmm(free[1]), Zmm(free[1]), Zmm(x));
                Sigmoid(free[1], free[0], free[1], free[2]);
                asm.vmulps(Zmm(x), Zmm(x), Zmm(free[0]));
                break;
            default:
                throw new InvalidOperationException($"Activation {kind} has no emitted form.");
        }

        // max(x, 0) - a p(t) e^(-a^2 / 2) with a = |x|.
        void Gelu(int result, int n, int r)
        {
            Size(result);
            asm.vmulps(Zmm(result), Zmm(result), Zmm(result));
            asm.vmulps(Zmm(result), Zmm(result), Table(Half));
            asm.vpxord(Zmm(n), Zmm(n), Zmm(n));
            asm.vsubps(Zmm(result), Zmm(n), Zmm(result));
            Exp(result, n, r);
            Size(n);
            asm.vmulps(Zmm(r), Zmm(n), Table(TailInput));
            asm.vaddps(Zmm(r), Zmm(r), Table(One));
            asm.vbroadcastss(Zmm(n), __dword_ptr[constants + EpilogueConstants.ActivationTable + One * sizeof(float)]);
            asm.vdivps(Zmm(r), Zmm(n), Zmm(r));
            asm.vmulps(Zmm(n), Zmm(r), Table(FirstTailCoefficient));
            for (var i = 1; i < Int8Activation.TailCoefficients.Length; i++)
            {
                asm.vaddps(Zmm(n), Zmm(n), Table(FirstTailCoefficient + i));
                asm.vmulps(Zmm(n), Zmm(n), Zmm(r));
            }
            asm.vmulps(Zmm(result), Zmm(n), Zmm(result));
            Size(n);
            asm.vmulps(Zmm(n), Zmm(n), Zmm(result));
            asm.vpxord(Zmm(r), Zmm(r), Zmm(r));
            asm.vmaxps(Zmm(x), Zmm(x), Zmm(r));
            asm.vsubps(Zmm(x), Zmm(x), Zmm(n));
        }

        // |x|, of at most 12.
        void Size(int size)
        {
            asm.vpandd(Zmm(size), Zmm(x), Table(Magnitude));
            asm.vminps(Zmm(size), Zmm(size), Table(LargestTail));
        }

        void Unit(int value, int zero)
        {
            asm.vxorps(Zmm(zero), Zmm(zero), Zmm(zero));
            asm.vmaxps(Zmm(value), Zmm(value), Zmm(zero));
            asm.vminps(Zmm(value), Zmm(value), Table(One));
        }

        // min(max(value, 0), 1) with a mask in place of a register of zeros: lanes that are not above 0 become 0.
        void UnitOfOther(int value)
        {
            asm.vfpclassps(k2, Zmm(value), NotAboveZero);
            asm.vpxord(Zmm(value).k2, Zmm(value), Zmm(value));
            asm.vminps(Zmm(value), Zmm(value), Table(One));
        }

        // result = 1 / (1 + exp(-value)); value stays.
        void Sigmoid(int value, int result, int n, int r)
        {
            asm.vpxord(Zmm(result), Zmm(result), Zmm(result));
            asm.vsubps(Zmm(result), Zmm(result), Zmm(value));
            asm.vmaxps(Zmm(result), Zmm(result), Table(MostNegative));
            asm.vminps(Zmm(result), Zmm(result), Table(MostPositive));
            Exp(result, n, r);
            asm.vbroadcastss(Zmm(r), __dword_ptr[constants + EpilogueConstants.ActivationTable + One * sizeof(float)]);
            asm.vaddps(Zmm(result), Zmm(result), Zmm(r));
            asm.vdivps(Zmm(result), Zmm(r), Zmm(result));
        }

        // result = e^result, which lies within -87 and 87.
        void Exp(int result, int n, int r)
        {
            asm.vmulps(Zmm(n), Zmm(result), Table(Log2E));
            asm.vrndscaleps(Zmm(n), Zmm(n), 0);
            // n * Ln2High is exact: fused or not, the bits are the same. The other products are not, and stay apart.
            asm.vfnmadd231ps(Zmm(result), Zmm(n), Table(Ln2High));
            asm.vmulps(Zmm(r), Zmm(n), Table(Ln2Low));
            asm.vaddps(Zmm(r), Zmm(result), Zmm(r));
            asm.vmulps(Zmm(result), Zmm(r), Table(FirstCoefficient));
            for (var i = 1; i <= Degree; i++)
            {
                asm.vaddps(Zmm(result), Zmm(result), Table(FirstCoefficient + i));
                if (i < Degree) asm.vmulps(Zmm(result), Zmm(result), Zmm(r));
            }
            asm.vcvtps2dq(Zmm(n), Zmm(n));
            asm.vpaddd(Zmm(n), Zmm(n), Table(Bias));
            asm.vpslld(Zmm(n), Zmm(n), 23);
            asm.vmulps(Zmm(result), Zmm(result), Zmm(n));
        }
    }

    // VFPCLASSPS: quiet NaN, +0, -0, -infinity, negative denormal and finite, signalling NaN.
    private const byte NotAboveZero = 0b1101_0111;
}
