using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;

namespace Pith.Tactics;

/// <summary>Fills an <see cref="Int8Epilogue"/> for a layer.</summary>
internal static unsafe class EpilogueInt8
{
    /// <summary>Everything but the addresses of output and residual.</summary>
    public static Int8Epilogue Create(ContractionLayer layer, ContractionConstants constants, BuildResources resources)
    {
        var epilogue = new Int8Epilogue
        {
            Multiplier = PerChannel(constants.Multiplier, resources),
            Offset = PerChannel(constants.Offset, resources),
            Activation = constants.Activation.Kind,
            ActivationA = constants.Activation.A,
            ActivationB = constants.Activation.B,
            OutputDivisor = constants.OutputDivisor,
            OutputDivision = layer.Residual is { IsQuantized: false } ? default : QuickDivision.Of(constants),
            OutputZeroPoint = constants.OutputZeroPoint,
            Lowest = -constants.OutputZeroPoint,
            Highest = 255 - constants.OutputZeroPoint,
            ResidualMultiplier = constants.ResidualMultiplier,
            ResidualZeroPoint = constants.ResidualZeroPoint,
            ResidualDivisor = constants.ResidualDivisor,
            IsFloatOutput = !layer.Output.IsQuantized,
            IsFloatResidual = layer.Residual is { IsQuantized: false },
            OutputStride = layer.Output.PixelBytes,
            ResidualStride = layer.Residual?.PixelBytes ?? 0,
            OutputGrid = new PixelGrid(layer.Output),
            ResidualGrid = layer.Residual is { } residual ? new PixelGrid(residual) : default,
        };
        if (!epilogue.IsFloatOutput && epilogue.Activation == ActivationKind.Clip) ClampOnce(ref epilogue);
        return epilogue;
    }

    /// <summary>Clip, division and then the byte's range become one clamp after the division to what all leave: division by a positive number keeps the order.</summary>
    public static void ClampOnce(ref Int8Epilogue epilogue)
    {
        var lowest = Math.Clamp(epilogue.ActivationA / epilogue.OutputDivisor, epilogue.Lowest, epilogue.Highest);
        epilogue.Highest = Math.Clamp(epilogue.ActivationB / epilogue.OutputDivisor, lowest, epilogue.Highest);
        epilogue.Lowest = lowest;
        epilogue.Activation = ActivationKind.None;
    }

    // Zeros after the last channel, for the padding channels of the output.
    private static float* PerChannel(float[] values, BuildResources resources)
    {
        var padded = (float*)resources.Allocate((values.Length + 2L * TileInt8.Panel) * sizeof(float));
        values.CopyTo(new Span<float>(padded, values.Length));
        return padded;
    }
}
