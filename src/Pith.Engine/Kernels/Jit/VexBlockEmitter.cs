using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Base of the kernels for CPUs without AVX-512, which have sixteen registers of eight channels: up to six pixels by a panel of 16 channels, two registers for each pixel. A panel with at most eight
/// channels leaves the second out.
/// </summary>
internal abstract class VexBlockEmitter(ConvKernelSpec spec) : VectorBlockEmitter(spec)
{
    /// <summary>The most pixels of a block.</summary>
    public const int LargestBlock = 6;

    protected const int VectorBytes = 32;

    private const int Registers = 16;

    protected sealed override int Vectors => (Spec.Panel.Channels + VexEpilogueEmitter.Lanes - 1) / VexEpilogueEmitter.Lanes;

    protected sealed override int[] FreeInEpilogue => Math.Min(Accumulators, Registers - VexEpilogueEmitter.Temporaries) is var first ? [.. Enumerable.Range(first, Registers - first)] : [];

    protected sealed override IBlockEpilogue Epilogue(EpilogueRegisters registers, PixelBlock band) => new VexEpilogueEmitter(Asm, Spec.Int8Epilogue, Spec.Panel.Channels, registers, band);

    protected sealed override void StartSums()
    {
        for (var i = 0; i < Accumulators; i++)
        {
            if (i < Vectors) Asm.vmovdqu(Ymm(i), __ymmword_ptr[Panel + (EpilogueConstants.Start(0) + i * VectorBytes)]);
            else Asm.vmovdqa(Ymm(i), Ymm(i % Vectors));
        }
    }
}
