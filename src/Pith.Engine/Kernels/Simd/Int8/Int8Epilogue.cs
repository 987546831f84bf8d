using System.Runtime.CompilerServices;

namespace Pith.Kernels.Int8;

/// <summary>
/// The constants of an INT8 contraction's epilogue and where a tile of its results goes. Per-channel arrays are padded to a whole panel. See <see cref="Int8Arithmetic"/> for the order
/// of operations.
/// </summary>
internal unsafe struct Int8Epilogue
{
    /// <summary>Per output channel.</summary>
    public float* Multiplier;

    /// <summary>Per output channel.</summary>
    public float* Offset;

    public ActivationKind Activation;
    public float ActivationA;
    public float ActivationB;

    /// <summary>1 when the value is in output steps already.</summary>
    public float OutputDivisor;
    public int OutputZeroPoint;
    public float ResidualMultiplier;
    public int ResidualZeroPoint;
    public float ResidualDivisor;

    /// <summary>True for float results and residuals of any channel count; false for bytes in padded pixels.</summary>
    public bool IsFloatOutput;
    public bool IsFloatResidual;

    /// <summary>Results of pixel 0, channel 0; <see cref="OutputStride"/> bytes from pixel to pixel.</summary>
    public byte* Output;
    public nint OutputStride;

    /// <summary>The residual, laid out like the output; null for none.</summary>
    public byte* Residual;
    public nint ResidualStride;

    /// <summary>Output channels that are stored: the padded ones for bytes.</summary>
    public int Channels;

    /// <summary>Turns accumulators [<paramref name="pixels"/>, <paramref name="panel"/>] for channels from <paramref name="channel"/> on into results from pixel <paramref name="pixel"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Apply<T>(int* accumulators, int panel, int pixels, nint pixel, int channel) where T : struct, ILanes<T>
    {
        var count = Math.Min(panel, Channels - channel);
        var whole = count / T.Count * T.Count;
        if (whole > 0) Columns<T>(accumulators, panel, pixels, pixel, channel, 0, whole);
        if (whole < count) Columns<ScalarLane>(accumulators, panel, pixels, pixel, channel, whole, count);
    }

    private readonly void Columns<T>(int* accumulators, int panel, int pixels, nint pixel, int channel, int from, int to) where T : struct, ILanes<T>
    {
        var (a, b) = (T.Broadcast(ActivationA), T.Broadcast(ActivationB));
        var (lowest, highest) = (T.Broadcast(-OutputZeroPoint), T.Broadcast(255 - OutputZeroPoint));
        for (var c = from; c < to; c += T.Count)
        {
            var k = channel + c;
            var (multiplier, offset) = (T.Load(Multiplier + k), T.Load(Offset + k));
            for (var p = 0; p < pixels; p++)
            {
                var value = T.FromInts(accumulators + p * panel + c) * multiplier + offset;
                if (Residual != null) value += LoadResidual<T>(pixel + p, k);
                value = Int8Activation.Apply(Activation, value, a, b);
                if (OutputDivisor != 1) value /= T.Broadcast(OutputDivisor);
                var destination = Output + (pixel + p) * OutputStride;
                if (IsFloatOutput) T.Store((float*)destination + k, value);
                else T.StoreBytes(destination + k, T.AtMost(T.AtLeast(value, lowest), highest), OutputZeroPoint);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly T LoadResidual<T>(nint pixel, int channel) where T : struct, ILanes<T>
    {
        var from = Residual + pixel * ResidualStride;
        return IsFloatResidual
            ? T.Load((float*)from + channel) / T.Broadcast(ResidualDivisor)
            : T.FromBytes(from + channel, ResidualZeroPoint) * T.Broadcast(ResidualMultiplier);
    }
}
