using Pith.Building;
using Pith.Kernels.Int8;

namespace Pith.Kernels.Jit;

/// <summary>
/// The block of memory that emitted epilogues read their numbers from: first what is the same for all channels, at the offsets below, then for each panel <see cref="PanelBytes"/> with start
/// values, multipliers and offsets in the panel's order of channels.
/// </summary>
internal static unsafe class EpilogueConstants
{
    // Scalars, which code reads with an embedded broadcast.
    public const int InverseHigh = 0;
    public const int Divisor = 4;
    public const int ResidualMultiplier = 8;
    public const int ResidualZeroPoint = 12;
    public const int ResidualDivisor = 16;
    public const int ActivationA = 20;
    public const int ActivationB = 24;
    public const int Lowest = 28;
    public const int Highest = 32;
    public const int ZeroPoint = 36;

    /// <summary>1 / divisor, for estimates.</summary>
    public const int Inverse = 40;

    /// <summary>Of the left operand of a sum or product, whose right operand takes the residual's place.</summary>
    public const int LeftMultiplier = 44;
    public const int LeftZeroPoint = 48;

    /// <summary>Of <see cref="Int8.QuickDivision"/>, beside <see cref="InverseHigh"/>.</summary>
    public const int InverseLow = 52;

    /// <summary>2^23 as a float, whose last byte takes a byte of the residual; and 2^23 + the residual's zero point.</summary>
    public const int ByteFloat = 56;
    public const int ByteFloatZero = 60;

    // Vectors of 64 bytes.
    /// <summary>The zero point as 16-bit numbers; of signed results, the sign bit of each byte.</summary>
    public const int ZeroPoints = 64;
    public const int LowestBytes = 128;
    public const int HighestBytes = 192;

    /// <summary>For VPERMQ: brings the two pixels of a pack of two vectors apart.</summary>
    public const int PairOrder = 256;

    /// <summary>For VPERMD: brings the four pixels of a pack of one vector apart.</summary>
    public const int QuadOrder = 320;

    /// <summary>For VPSHUFB, four vectors: bytes 4 t to 4 t + 3 of each 128-bit lane as 32-bit numbers.</summary>
    public const int BytesToInts = 384;

    /// <summary>For VPSHUFB, two vectors: 16-bit numbers 4 t to 4 t + 3 of each 128-bit lane as 32-bit numbers.</summary>
    public const int WordsToInts = 640;

    /// <summary>Floats that activations use, see <see cref="ActivationEmitter.Constants"/> and <see cref="GuardedSigmoid.Constants"/>.</summary>
    public const int ActivationTable = 768;

    /// <summary>For VPERMD on 256 bits: brings the two pixels of two packed registers each apart.</summary>
    public const int HalvesOrder = 896;

    /// <summary>Floats of GELU, see <see cref="ActivationEmitter.GeluConstants"/>.</summary>
    public const int GeluTable = 928;

    /// <summary>Bytes of everything that does not depend on the channel.</summary>
    public const int SharedBytes = 1024;

    private const int ExactBits = 16;
    private const byte SignBit = 0x80;
    private const double LargestInteger = 1 << 30;

    /// <summary>Bytes of one panel's constants: three numbers for each channel.</summary>
    public static int PanelBytes(int vectors) => 3 * PanelShape.Lanes * sizeof(float) * vectors;

    /// <summary>Where the start values of a vector lie within a panel's constants: 32-bit integers.</summary>
    public static int Start(int vector) => vector * 64;

    /// <summary>Where the multipliers of a vector lie within a panel's constants.</summary>
    public static int Multiplier(int vectors, int vector) => (vectors + vector) * 64;

    /// <summary>Where the float bias of a vector lies within a panel's constants.</summary>
    public static int Offset(int vectors, int vector) => (2 * vectors + vector) * 64;

    /// <summary>The code that a filled-in C# epilogue corresponds to.</summary>
    /// <param name="epilogue">The numbers.</param>
    /// <param name="constants">The same before they were prepared.</param>
    /// <param name="largestSum">No accumulator is larger, in magnitude.</param>
    public static EpilogueSpec Spec(in Int8Epilogue epilogue, ContractionConstants constants, double largestSum)
    {
        var residual = !constants.HasResidual ? ResidualKind.None : epilogue.IsFloatResidual ? ResidualKind.Floats : ResidualKind.Bytes;
        var largest = residual == ResidualKind.Floats ? double.PositiveInfinity : constants.Multiplier.Max(Math.Abs) * largestSum + constants.Offset.Max(Math.Abs) + 256.0 * epilogue.ResidualMultiplier;
        return Spec(epilogue, largest) with
        {
            HasOffset = constants.Offset.Any(offset => offset != 0),
            Residual = residual,
            ResidualHasZeroPoint = residual == ResidualKind.Bytes && epilogue.ResidualZeroPoint != 0,
            ResidualIsExact = residual == ResidualKind.Bytes && HasAtMost(ExactBits, epilogue.ResidualMultiplier),
            ResidualIsDivided = residual == ResidualKind.Floats && epilogue.ResidualDivisor != 1,
        };
    }

    /// <summary>The code from a value on: activation, division, rounding.</summary>
    /// <param name="epilogue">The numbers.</param>
    /// <param name="largestValue">No value is larger, in magnitude, before the activation.</param>
    public static EpilogueSpec Spec(in Int8Epilogue epilogue, double largestValue)
    {
        return new EpilogueSpec
        {
            Activation = epilogue.Activation,
            Division = epilogue.OutputDivisor == 1 ? DivisionKind.None : epilogue.OutputDivision.IsAllowed ? DivisionKind.Quick : DivisionKind.Exact,
            IsFloatOutput = epilogue.IsFloatOutput,
            HasZeroPoint = !epilogue.IsFloatOutput && epilogue.OutputZeroPoint != 0,
            IsSigned = !epilogue.IsFloatOutput && epilogue.OutputZeroPoint == SignBit,
            HasLowest = !epilogue.IsFloatOutput && Round(epilogue.Lowest) > -epilogue.OutputZeroPoint,
            HasHighest = !epilogue.IsFloatOutput && Round(epilogue.Highest) < 255 - epilogue.OutputZeroPoint,
            ClampsFloats = !epilogue.IsFloatOutput && (!DoesNotEnlarge(epilogue.Activation) || !(largestValue / epilogue.OutputDivisor < LargestInteger)),
        };
    }

    /// <summary>Fills the shared block.</summary>
    public static void Fill(in Int8Epilogue epilogue, byte* block)
    {
        var floats = (float*)block;
        (floats[InverseHigh / 4], floats[InverseLow / 4]) = (epilogue.OutputDivision.High, epilogue.OutputDivision.Low);
        floats[Divisor / 4] = epilogue.OutputDivisor;
        floats[ResidualMultiplier / 4] = epilogue.ResidualMultiplier;
        ((int*)block)[ResidualZeroPoint / 4] = epilogue.ResidualZeroPoint;
        floats[ResidualDivisor / 4] = epilogue.ResidualDivisor;
        floats[ActivationA / 4] = epilogue.ActivationA;
        floats[ActivationB / 4] = epilogue.ActivationB;
        floats[Lowest / 4] = epilogue.Lowest;
        floats[Highest / 4] = epilogue.Highest;
        ((int*)block)[ZeroPoint / 4] = epilogue.OutputZeroPoint;
        floats[Inverse / 4] = 1 / epilogue.OutputDivisor;
        if (epilogue.OutputZeroPoint == SignBit) new Span<byte>(block + ZeroPoints, 64).Fill(SignBit);
        else new Span<short>(block + ZeroPoints, 32).Fill((short)epilogue.OutputZeroPoint);
        (floats[ByteFloat / 4], floats[ByteFloatZero / 4]) = (1 << 23, (1 << 23) + epilogue.ResidualZeroPoint);
        new Span<byte>(block + LowestBytes, 64).Fill((byte)Math.Clamp(Round(epilogue.Lowest) + epilogue.OutputZeroPoint, 0, 255));
        new Span<byte>(block + HighestBytes, 64).Fill((byte)Math.Clamp(Round(epilogue.Highest) + epilogue.OutputZeroPoint, 0, 255));
        for (var i = 0; i < 8; i++) ((long*)(block + PairOrder))[i] = i < 4 ? 2 * i : 2 * (i - 4) + 1;
        for (var i = 0; i < 16; i++) ((int*)(block + QuadOrder))[i] = i % 4 * 4 + i / 4;
        for (var i = 0; i < 8; i++) ((int*)(block + HalvesOrder))[i] = i % 2 * 4 + i / 2;
        for (var i = 0; i < 64; i++)
        {
            const byte zero = 0x80;
            for (var t = 0; t < 4; t++) block[BytesToInts + 64 * t + i] = i % 4 == 0 ? (byte)(4 * t + i % 16 / 4) : zero;
            for (var t = 0; t < 2; t++) block[WordsToInts + 64 * t + i] = i % 4 < 2 ? (byte)(8 * t + i % 16 / 4 * 2 + i % 4) : zero;
        }
        ActivationEmitter.Constants.CopyTo(new Span<float>(block + ActivationTable, ActivationEmitter.Constants.Length));
        ActivationEmitter.GeluConstants.CopyTo(new Span<float>(block + GeluTable, ActivationEmitter.GeluConstants.Length));
        GuardedSigmoid.Constants.CopyTo(new Span<float>(block + ActivationTable + GuardedSigmoid.TableOffset * sizeof(float), GuardedSigmoid.Constants.Length));
    }

    /// <summary>Enters the left operand of a sum or product.</summary>
    public static void FillLeft(Quantization left, byte* block)
    {
        *(float*)(block + LeftMultiplier) = left.Scale;
        *(int*)(block + LeftZeroPoint) = left.StoredZeroPoint;
    }

    /// <summary>Fills the constants of one panel.</summary>
    /// <param name="panel">The panel's shape.</param>
    /// <param name="channelOf">The layer's channel for a channel of the panel, or -1 for none.</param>
    /// <param name="constants">The layer's constants.</param>
    /// <param name="block"><see cref="PanelBytes"/> zeroed bytes.</param>
    public static void FillPanel(PanelShape panel, Func<int, int> channelOf, ContractionConstants constants, byte* block)
    {
        for (var v = 0; v < panel.Vectors; v++)
            for (var lane = 0; lane < PanelShape.Lanes; lane++)
            {
                if (channelOf(panel.StartChannel(v, lane)) is var sum and >= 0) ((int*)(block + Start(v)))[lane] = constants.Accumulator[sum];
                var k = channelOf(panel.Channel(v, lane));
                if (k < 0) continue;
                ((float*)(block + Multiplier(panel.Vectors, v)))[lane] = constants.Multiplier[k];
                ((float*)(block + Offset(panel.Vectors, v)))[lane] = constants.Offset[k];
            }
    }

    // Whether results are no larger in magnitude than 1 or the value; of others a constant decides.
    private static bool DoesNotEnlarge(ActivationKind kind) => kind is ActivationKind.None or ActivationKind.Sigmoid or ActivationKind.Silu or ActivationKind.HardSwish or ActivationKind.Gelu or ActivationKind.GeluTanh;

    private static int Round(float value) => (int)MathF.Round(value, MidpointRounding.ToEven);

    // Whether this many bits of the significand do, so that a product with an 8-bit integer fits 24.
    private static bool HasAtMost(int bits, float value) => (BitConverter.SingleToInt32Bits(value) & ((1 << (24 - bits)) - 1)) == 0 && float.IsNormal(value);
}
