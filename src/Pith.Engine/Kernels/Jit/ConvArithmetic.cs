using Iced.Intel;

namespace Pith.Kernels.Jit;

/// <summary>
/// What a convolution kernel computes with: the product of four bytes of the reduction that a 32-bit sum takes at once, where sums start, and what follows them. Tiles, loops and the order of packed
/// weights are the same for all.
/// </summary>
internal abstract record ConvArithmetic
{
    /// <summary>Bytes of the values of a vector that sums start from.</summary>
    public const int StartBytes = PanelShape.Lanes * sizeof(int);

    /// <summary>The types of data, weights and sums, as names of kernels have them.</summary>
    public abstract string Types { get; }

    /// <summary>Bytes of an operand of the products.</summary>
    public abstract int OperandBytes { get; }

    /// <summary>Bytes of a result.</summary>
    public abstract int OutputBytes { get; }

    /// <summary>Bytes of an element of the residual; anything when there is none.</summary>
    public abstract int ResidualBytes { get; }

    /// <summary>Whether channels must lie in memory order in the vectors.</summary>
    public abstract bool IsNatural { get; }

    /// <summary>Whether pixels and weights may change places in a product, of which one operand may be in memory.</summary>
    public virtual bool Commutes => false;

    /// <summary>Whether some numbers are slow to multiply, so that pixels which belong to no image should not be computed.</summary>
    public virtual bool HasDenormals => false;

    /// <summary>Vector registers that what follows needs beside the sums.</summary>
    public abstract int Temporaries { get; }

    /// <summary>Whether the residual is fetched while the sums are made.</summary>
    public virtual bool FetchesResidual => false;

    /// <summary>Whether the memory of the results is fetched while the sums are made.</summary>
    public virtual bool FetchesOutput => false;

    /// <summary>Bytes of one panel's constants, of which the first are <see cref="StartBytes"/> for each vector.</summary>
    public abstract int PanelBytes(int vectors);

    /// <summary>Adds products to the sums of a vector.</summary>
    public abstract void MultiplyAdd(Assembler asm, AssemblerRegisterZMM sums, AssemblerRegisterZMM pixel, AssemblerRegisterZMM weights);

    /// <summary>The same with weights in memory.</summary>
    public abstract void MultiplyAdd(Assembler asm, AssemblerRegisterZMM sums, AssemblerRegisterZMM pixel, AssemblerMemoryOperand weights);

    /// <summary>Adds the products of two tiles to the sums of a third.</summary>
    public abstract void MultiplyAdd(TileUnit unit, int sums, int pixels, int weights);

    /// <summary>Adds start values to sums that began at 0.</summary>
    public abstract void Add(Assembler asm, AssemblerRegisterZMM sums, AssemblerMemoryOperand start);

    /// <summary>What turns sums into results.</summary>
    public abstract IBlockEpilogue Epilogue(Assembler asm, PanelShape panel, EpilogueRegisters registers, PixelBlock tile);
}

/// <summary>Unsigned bytes by signed bytes, summed in 32-bit integers.</summary>
/// <param name="Spec">What follows.</param>
internal sealed record Int8ConvArithmetic(EpilogueSpec Spec) : ConvArithmetic
{
    public override string Types => "u8s8s32";

    public override int OperandBytes => 1;

    public override int OutputBytes => Spec.IsFloatOutput ? sizeof(float) : 1;

    public override int ResidualBytes => Spec.Residual == ResidualKind.Floats ? sizeof(float) : 1;

    public override bool IsNatural => Spec.IsNatural;

    public override int Temporaries => Spec.Temporaries;

    public override int PanelBytes(int vectors) => EpilogueConstants.PanelBytes(vectors);

    public override void MultiplyAdd(Assembler asm, AssemblerRegisterZMM sums, AssemblerRegisterZMM pixel, AssemblerRegisterZMM weights) => asm.vpdpbusd(sums, pixel, weights);

    public override void MultiplyAdd(Assembler asm, AssemblerRegisterZMM sums, AssemblerRegisterZMM pixel, AssemblerMemoryOperand weights) => asm.vpdpbusd(sums, pixel, weights);

    public override void MultiplyAdd(TileUnit unit, int sums, int pixels, int weights) => unit.DotInt8(sums, pixels, weights);

    public override void Add(Assembler asm, AssemblerRegisterZMM sums, AssemblerMemoryOperand start) => asm.vpaddd(sums, sums, start);

    public override IBlockEpilogue Epilogue(Assembler asm, PanelShape panel, EpilogueRegisters registers, PixelBlock tile) => new EpilogueEmitter(asm, Spec, panel, registers, tile.Output, tile.Residual);
}
