using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>Base of the AVX-512 kernels: 32 registers of 16 channels.</summary>
internal abstract class ZmmBlockEmitter(ConvKernelSpec spec) : VectorBlockEmitter(spec)
{
    /// <summary>Vector registers.</summary>
    protected const int Registers = 32;

    /// <summary>Bytes of a vector.</summary>
    protected const int VectorBytes = 64;

    protected sealed override int Vectors => Spec.Panel.Vectors;

    protected sealed override int[] FreeInEpilogue => [.. Enumerable.Range(Accumulators, Registers - Accumulators)];

    /// <summary>Whether sums begin at 0 instead of at the start values.</summary>
    protected virtual bool SumsBeginAtZero => false;

    /// <summary>The start values of a vector of results.</summary>
    protected static AssemblerMemoryOperand StartOf(int vector) => __zmmword_ptr[Panel + vector * ConvArithmetic.StartBytes];

    protected sealed override IBlockEpilogue Epilogue(EpilogueRegisters registers, PixelBlock band) => Spec.Arithmetic.Epilogue(Asm, Spec.Panel, registers, band);

    protected sealed override void StartSums()
    {
        for (var i = 0; i < Accumulators; i++)
        {
            if (SumsBeginAtZero) Asm.vpxord(Zmm(i), Zmm(i), Zmm(i));
            else if (i < Vectors) Asm.vmovdqu64(Zmm(i), StartOf(i));
            else Asm.vmovdqa64(Zmm(i), Zmm(i % Vectors));
        }
    }
}
