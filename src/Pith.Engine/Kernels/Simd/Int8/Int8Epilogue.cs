using System.Runtime.CompilerServices;

namespace Pith.Kernels.Int8;

/// <summary>
/// The constants of an INT8 contraction's epilogue and where its results go: <see cref="Int8Arithmetic"/> on vectors. Per-channel arrays may be read up to a whole vector beyond the last channel,
/// and so may a float residual.
/// </summary>
internal unsafe struct Int8Epilogue
{
    /// <summary>Per output channel.</summary>
    public float* Multiplier;

    /// <summary>Per output channel; null when all are 0.</summary>
    public float* Offset;

    public ActivationKind Activation;
    public float ActivationA;
    public float ActivationB;

    /// <summary>1 when the value is in output steps already.</summary>
    public float OutputDivisor;
    public int OutputZeroPoint;

    /// <summary>What a value is clamped to before it is rounded to a byte: the byte's range, within which a Clip activation is taken into account too.</summary>
    public float Lowest;
    public float Highest;

    public float ResidualMultiplier;
    public int ResidualZeroPoint;
    public float ResidualDivisor;

    /// <summary>True for float results; false for bytes.</summary>
    public bool IsFloatOutput;
    public bool IsFloatResidual;

    /// <summary>Results of pixel 0, channel 0; <see cref="OutputStride"/> bytes from pixel to pixel.</summary>
    public byte* Output;
    public nint OutputStride;

    /// <summary>The residual; null for none.</summary>
    public byte* Residual;
    public nint ResidualStride;

    /// <summary>Turns accumulators [<paramref name="pixels"/>, <see cref="TileInt8.Panel"/>] into <paramref name="channels"/> results each, from pixel <paramref name="pixel"/> and channel <paramref name="channel"/> on.</summary>
    public readonly void Apply<T>(int* accumulators, int pixels, nint pixel, int channel, int channels) where T : struct, ILanes<T>
    {
        var whole = channels / T.Count * T.Count;
        for (var c = 0; c < whole; c += T.Count) Column<T>(accumulators + c, pixels, pixel, channel + c);
        for (var c = whole; c < channels; c++) Column<ScalarLane>(accumulators + c, pixels, pixel, channel + c);
    }

    private readonly void Column<T>(int* accumulators, int pixels, nint pixel, int k) where T : struct, ILanes<T>
    {
        var (multiplier, offset) = (T.Load(Multiplier + k), Offset == null ? T.Broadcast(0) : T.Load(Offset + k));
        var (a, b, lowest, highest) = (T.Broadcast(ActivationA), T.Broadcast(ActivationB), T.Broadcast(Lowest), T.Broadcast(Highest));
        var destination = Output + pixel * OutputStride + (IsFloatOutput ? k * sizeof(float) : k);
        var residual = Residual + pixel * ResidualStride + (IsFloatResidual ? k * sizeof(float) : k);
        for (var p = 0; p < pixels; p++, destination += OutputStride, residual += ResidualStride)
        {
            var value = T.FromInts(accumulators + p * TileInt8.Panel) * multiplier + offset;
            if (Residual != null) value += LoadResidual<T>(residual);
            value = Int8Activation.Apply(Activation, value, a, b);
            if (OutputDivisor != 1) value /= T.Broadcast(OutputDivisor);
            if (IsFloatOutput) T.Store((float*)destination, value);
            else T.StoreBytes(destination, T.AtMost(T.AtLeast(value, lowest), highest), OutputZeroPoint);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly T LoadResidual<T>(byte* from) where T : struct, ILanes<T> => IsFloatResidual
        ? T.Load((float*)from) / T.Broadcast(ResidualDivisor)
        : T.FromBytes(from, ResidualZeroPoint) * T.Broadcast(ResidualMultiplier);
}
