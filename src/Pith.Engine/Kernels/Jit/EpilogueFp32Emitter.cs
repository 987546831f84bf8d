using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Pith.Kernels.Jit.KernelEmitter;

namespace Pith.Kernels.Jit;

/// <summary>Everything that the code of a float epilogue depends on. The bias is where sums start.</summary>
/// <param name="HasResidual">Something is added to the sums.</param>
/// <param name="Activation">What follows; one that <see cref="ActivationFp32Emitter"/> has.</param>
/// <param name="Streams">Whole vectors are stored past the caches: for results that do not fit them, and of which no line is read before it is written then. Vectors must be aligned.</param>
internal readonly record struct EpilogueFp32Spec(bool HasResidual, ActivationKind Activation, bool Streams)
{
    /// <summary>Vector registers that the epilogue needs beside the sums.</summary>
    public int Temporaries => ActivationFp32Emitter.Temporaries(Activation);
}

/// <summary>Emits what turns float sums into results: residual, activation, store. Channels beyond those of the panel are masked by <c>k1</c>, which <see cref="LoadMask"/> sets.</summary>
/// <param name="asm">The assembler.</param>
/// <param name="spec">The operations.</param>
/// <param name="panel">The channels, in natural order.</param>
/// <param name="output">Holds the address of the block's first result.</param>
/// <param name="residual">Holds the address of the block's first residual.</param>
/// <param name="shared">Holds the address of the block of <see cref="ActivationFp32Emitter"/>.</param>
internal sealed class EpilogueFp32Emitter(Assembler asm, EpilogueFp32Spec spec, PanelShape panel, AssemblerRegister64 output, AssemblerRegister64 residual, AssemblerRegister64 shared)
{
    private const int VectorBytes = PanelShape.Lanes * sizeof(float);

    private int StoredOfLast => panel.Channels - (panel.Vectors - 1) * PanelShape.Lanes;

    /// <summary>Sets the mask of the last vector, when not all its channels are stored. Overwrites rax.</summary>
    public void LoadMask()
    {
        if (StoredOfLast == PanelShape.Lanes) return;
        asm.mov(eax, (1 << StoredOfLast) - 1);
        asm.kmovw(k1, eax);
    }

    /// <summary>Finishes one vector of one pixel.</summary>
    /// <param name="value">Index of the register with the sums.</param>
    /// <param name="vector">Which vector of the panel.</param>
    /// <param name="outputOffset">Bytes from the block's first result to that of the pixel.</param>
    /// <param name="residualOffset">Bytes from the block's first residual to that of the pixel.</param>
    /// <param name="free">Registers that may be overwritten: as many as <see cref="EpilogueFp32Spec.Temporaries"/> says.</param>
    public void Finish(int value, int vector, int outputOffset, int residualOffset, ReadOnlySpan<int> free)
    {
        var isMasked = vector == panel.Vectors - 1 && StoredOfLast < PanelShape.Lanes;
        var sums = Zmm(value);
        if (spec.HasResidual) asm.vaddps(isMasked ? sums.k1 : sums, sums, __zmmword_ptr[residual + (residualOffset + vector * VectorBytes)]);
        ActivationFp32Emitter.Emit(asm, spec.Activation, value, free, shared);
        var to = __zmmword_ptr[output + (outputOffset + vector * VectorBytes)];
        if (spec.Streams && !isMasked) asm.vmovntps(to, sums);
        else asm.vmovups(isMasked ? to.k1 : to, sums);
    }
}
