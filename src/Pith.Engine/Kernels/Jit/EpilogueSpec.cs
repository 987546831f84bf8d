namespace Pith.Kernels.Jit;

/// <summary>What is added to a contraction's result.</summary>
internal enum ResidualKind { None, Bytes, Floats }

/// <summary>How a value is divided by the output scale; see <see cref="Int8.QuickDivision"/>.</summary>
internal enum DivisionKind { None, Quick, Exact }

/// <summary>Everything that the code of an INT8 epilogue depends on; the numbers are in <see cref="EpilogueConstants"/>. The order of operations is that of <see cref="Int8Arithmetic"/>.</summary>
internal readonly record struct EpilogueSpec
{
    /// <summary>A float bias is added.</summary>
    public bool HasOffset { get; init; }

    public ResidualKind Residual { get; init; }

    /// <summary>The residual's zero point is not 0.</summary>
    public bool ResidualHasZeroPoint { get; init; }

    /// <summary>Residual times scale is exact in a float, so that a fused multiply-add gives the same bits as both operations.</summary>
    public bool ResidualIsExact { get; init; }

    /// <summary>A float residual is divided by the unit of the sum.</summary>
    public bool ResidualIsDivided { get; init; }

    /// <summary>Clip of byte results is part of the integer clamp, and not here.</summary>
    public ActivationKind Activation { get; init; }

    public DivisionKind Division { get; init; }

    public bool IsFloatOutput { get; init; }

    /// <summary>The output's stored zero point is not 0.</summary>
    public bool HasZeroPoint { get; init; }

    /// <summary>It is 128: results are packed as signed bytes, which saturate where they have to.</summary>
    public bool IsSigned { get; init; }

    /// <summary>The lowest result is more than the byte range ends at.</summary>
    public bool HasLowest { get; init; }

    /// <summary>The highest result is less than the byte range ends at.</summary>
    public bool HasHighest { get; init; }

    /// <summary>Values may lie outside the 32-bit integers and are clamped as floats before they are rounded.</summary>
    public bool ClampsFloats { get; init; }

    /// <summary>Whether channels must lie in memory order in the vectors.</summary>
    public bool IsNatural => IsFloatOutput || Residual == ResidualKind.Floats;

    /// <summary>Vector registers that the epilogue needs beside the accumulators.</summary>
    public int Temporaries => Math.Max(ActivationTemporaries, Residual == ResidualKind.Bytes ? 2 : 1);

    /// <summary>Those of them that the activation overwrites.</summary>
    public int ActivationTemporaries => GuardedSigmoid.Applies(this) ? GuardedSigmoid.Temporaries : ActivationEmitter.Temporaries(Activation);
}
