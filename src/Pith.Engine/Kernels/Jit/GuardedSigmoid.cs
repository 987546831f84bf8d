using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Pith.Kernels.Jit.KernelEmitter;

namespace Pith.Kernels.Jit;

/// <summary>
/// Sigmoid and SiLU of byte results in half the operations: an estimate in fewer operations, whose rounded result is the exact one unless it lies within <see cref="Guard"/> of the middle between two
/// integers. Then, for about one vector in sixty, the operations of <see cref="Int8Activation"/> decide, out of line. Results are therefore those of the reference, bit for bit.
/// </summary>
/// <remarks>
/// The estimate is 1 / (1 + 2^t), t = -x log2(e), with 2^fraction(t) by a minimax polynomial of degree 5 (relative error 7.5e-08) and a reciprocal of 14 bits with one Newton step (error
/// below 2^-27 on any CPU). With the rounding of the other operations and the reference's own error of some units in the last place, results of up to 255 steps are off by less than 3e-4 steps.
/// </remarks>
/// <param name="asm">The assembler.</param>
/// <param name="spec">The epilogue.</param>
/// <param name="registers">Its registers; the last four free ones are overwritten.</param>
/// <param name="exact">Emits the exact form: replaces the value in a register by its integer, using the three last free registers.</param>
internal sealed class GuardedSigmoid(Assembler asm, EpilogueSpec spec, EpilogueRegisters registers, Action<int> exact)
{
    /// <summary>Steps of the output scale.</summary>
    public const float Guard = 1 / 2048f;

    private const int NegativeLog2E = 20, One = 21, Two = 22, Boundary = 23, Magnitude = 24, FirstCoefficient = 25, Degree = 5;
    private const byte RoundDown = 1, RoundNearest = 0, NotLessOrEqual = 6;

    private static readonly float[] s_constants =
    [
        -1.44269504f, 1, 2, 0.5f - Guard, BitConverter.Int32BitsToSingle(int.MaxValue),
        0.001877576673370389f, 0.008989340094708689f, 0.05582631805004022f, 0.24015361704533508f, 0.6931530732000754f, 0.9999999250635297f,
    ];

    private readonly List<(Label Slow, Label Back, int Value)> _slow = [];

    /// <summary>Where in <see cref="EpilogueConstants.ActivationTable"/> the constants begin, in floats.</summary>
    public static int TableOffset => NegativeLog2E;

    public static ReadOnlySpan<float> Constants => s_constants;

    public static bool Applies(EpilogueSpec spec) => spec is { IsFloatOutput: false, Activation: ActivationKind.Sigmoid or ActivationKind.Silu };

    /// <summary>Vector registers needed beside the value.</summary>
    public const int Temporaries = 4;

    /// <summary>Replaces the value in a register by the integer that its activation, divided by the output scale, rounds to.</summary>
    public void Emit(int value)
    {
        var (x, t, f, p) = (Zmm(value), Zmm(Temporary(0)), Zmm(Temporary(1)), Zmm(Temporary(2)));
        asm.vmulps(t, x, Table(NegativeLog2E));
        // 2^t = 2^floor(t) * 2^f with 0 <= f < 1.
        asm.vreduceps(f, t, RoundDown);
        asm.vbroadcastss(p, __dword_ptr[registers.Shared + Offset(FirstCoefficient)]);
        for (var i = 1; i <= Degree; i++) asm.vfmadd213ps(p, f, Table(FirstCoefficient + i));
        asm.vscalefps(p, p, t);
        asm.vaddps(p, p, Table(One));
        asm.vrcp14ps(t, p);
        asm.vfnmadd213ps(p, t, Table(Two));
        asm.vmulps(t, t, p);
        if (spec.Activation == ActivationKind.Silu)
        {
            asm.vmulps(f, x, Scalar(EpilogueConstants.Inverse));
            asm.vmulps(t, t, f);
        }
        else
        {
            asm.vmulps(t, t, Scalar(EpilogueConstants.Inverse));
        }
        if (spec.ClampsFloats)
        {
            asm.vmaxps(t, t, Scalar(EpilogueConstants.Lowest));
            asm.vminps(t, t, Scalar(EpilogueConstants.Highest));
        }
        // How far from the nearest integer; NaN counts as too far.
        asm.vreduceps(f, t, RoundNearest);
        asm.vpandd(f, f, Table(Magnitude));
        asm.vcmpps(k2, f, Table(Boundary), NotLessOrEqual);
        asm.kortestw(k2, k2);
        var (slow, back) = (asm.CreateLabel(), asm.CreateLabel());
        asm.jne(slow);
        asm.vcvtps2dq(x, t);
        asm.Label(ref back);
        _slow.Add((slow, back, value));
    }

    /// <summary>Emits what is out of line; call once, after the kernel's return.</summary>
    public void EmitSlowPaths()
    {
        if (_slow.Count == 0) return;
        var routine = asm.CreateLabel();
        var copy = Temporary(3);
        for (var i = 0; i < _slow.Count; i++)
        {
            var (slow, back, value) = _slow[i];
            asm.Label(ref slow);
            asm.vmovaps(Zmm(copy), Zmm(value));
            asm.call(routine);
            asm.vmovaps(Zmm(value), Zmm(copy));
            asm.jmp(back);
        }
        asm.Label(ref routine);
        exact(copy);
        asm.ret();
    }

    private static int Offset(int index) => EpilogueConstants.ActivationTable + index * sizeof(float);

    private int Temporary(int index) => registers.Free[^(index + 1)];

    private AssemblerMemoryOperand Scalar(int offset) => __dword_bcst[registers.Shared + offset];

    private AssemblerMemoryOperand Table(int index) => Scalar(Offset(index));
}
