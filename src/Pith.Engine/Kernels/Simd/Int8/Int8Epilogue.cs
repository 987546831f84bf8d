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

    /// <summary>Per output channel.</summary>
    public float* Offset;

    public ActivationKind Activation;
    public float ActivationA;
    public float ActivationB;

    /// <summary>1 when the value is in output steps already.</summary>
    public float OutputDivisor;

    /// <summary>May take the place of the division by <see cref="OutputDivisor"/>.</summary>
    public QuickDivision OutputDivision;
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
    public PixelGrid OutputGrid;

    /// <summary>The residual; null for none.</summary>
    public byte* Residual;
    public nint ResidualStride;
    public PixelGrid ResidualGrid;

    /// <summary>
    /// Turns accumulators [<paramref name="pixels"/>, <paramref name="panel"/>] into <paramref name="channels"/> results each, from pixel <paramref name="pixel"/> (counted over all images
    /// without borders) and channel <paramref name="channel"/> on.
    /// </summary>
    public readonly void Apply<T>(int* accumulators, int panel, int pixels, nint pixel, int channel, int channels) where T : struct, ILanes<T>
    {
        while (pixels > 0)
        {
            // Pixels that lie next to each other in both operands.
            var run = (int)Math.Min(pixels, Math.Min(OutputGrid.Run(pixel), ResidualGrid.Run(pixel)));
            Apply<T>(accumulators, panel, run, OutputGrid.At(pixel), ResidualGrid.At(pixel), channel, channels);
            accumulators += run * panel;
            pixel += run;
            pixels -= run;
        }
    }

    private readonly void Apply<T>(int* accumulators, int panel, int pixels, nint pixel, nint residualPixel, int channel, int channels) where T : struct, ILanes<T>
    {
        var c = 0;
        for (; c + T.Count <= channels; c += T.Count) Column<T>(accumulators + c, panel, pixels, pixel, residualPixel, channel + c);
        if (T.Count > Lanes256.Count && c + Lanes256.Count <= channels)
        {
            Column<Lanes256>(accumulators + c, panel, pixels, pixel, residualPixel, channel + c);
            c += Lanes256.Count;
        }
        for (; c < channels; c++) Column<ScalarLane>(accumulators + c, panel, pixels, pixel, residualPixel, channel + c);
    }

    // Bytes without an activation beyond the clamp are the rule, and get code without branches.
    private readonly void Column<T>(int* accumulators, int panel, int pixels, nint pixel, nint residualPixel, int k) where T : struct, ILanes<T>
    {
        var output = Output + pixel * OutputStride + (IsFloatOutput ? k * sizeof(float) : k);
        var residual = Residual + residualPixel * ResidualStride + (IsFloatResidual ? k * sizeof(float) : k);
        if (IsFloatOutput || Activation != ActivationKind.None || (OutputDivisor != 1 && !OutputDivision.IsAllowed)) Column<T, AnyResult>(accumulators, panel, pixels, k, output, residual);
        else if (OutputDivisor != 1) Column<T, DividedResult>(accumulators, panel, pixels, k, output, residual);
        else Column<T, ByteResult>(accumulators, panel, pixels, k, output, residual);
    }

    private readonly void Column<T, TResult>(int* accumulators, int panel, int pixels, int k, byte* output, byte* residual) where T : struct, ILanes<T> where TResult : struct, IResult
    {
        if (Residual == null) Rows<T, NoResidual, TResult>(accumulators, panel, pixels, k, output, null);
        else if (IsFloatResidual) Rows<T, FloatResidual, TResult>(accumulators, panel, pixels, k, output, residual);
        else Rows<T, ByteResidual, TResult>(accumulators, panel, pixels, k, output, residual);
    }

    private readonly void Rows<T, TResidual, TResult>(int* accumulators, int panel, int pixels, int k, byte* output, byte* residual)
        where T : struct, ILanes<T> where TResidual : struct, IResidual where TResult : struct, IResult
    {
        // Locals, because what is written through the output pointer might be these fields for all the compiler knows.
        var constants = this;
        T multiplier = T.Load(Multiplier + k), offset = T.Load(Offset + k), lowest = T.Broadcast(Lowest), highest = T.Broadcast(Highest);
        nint outputStride = OutputStride, residualStride = ResidualStride;
        var zeroPoint = OutputZeroPoint;
        for (var p = 0; p < pixels; p++)
        {
            var value = T.FromInts(accumulators) * multiplier + offset;
            value = TResidual.Add(value, residual, in constants);
            TResult.Store(value, output, lowest, highest, zeroPoint, in constants);
            accumulators += panel;
            output += outputStride;
            residual += residualStride;
        }
    }

    private interface IResidual
    {
        static abstract T Add<T>(T value, byte* residual, in Int8Epilogue constants) where T : struct, ILanes<T>;
    }

    private readonly struct NoResidual : IResidual
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Add<T>(T value, byte* residual, in Int8Epilogue constants) where T : struct, ILanes<T> => value;
    }

    private readonly struct ByteResidual : IResidual
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Add<T>(T value, byte* residual, in Int8Epilogue constants) where T : struct, ILanes<T> =>
            value + T.FromBytes(residual, constants.ResidualZeroPoint) * T.Broadcast(constants.ResidualMultiplier);
    }

    private readonly struct FloatResidual : IResidual
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Add<T>(T value, byte* residual, in Int8Epilogue constants) where T : struct, ILanes<T> =>
            value + T.Load((float*)residual) / T.Broadcast(constants.ResidualDivisor);
    }

    private interface IResult
    {
        static abstract void Store<T>(T value, byte* output, T lowest, T highest, int zeroPoint, in Int8Epilogue constants) where T : struct, ILanes<T>;
    }

    private readonly struct ByteResult : IResult
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store<T>(T value, byte* output, T lowest, T highest, int zeroPoint, in Int8Epilogue constants) where T : struct, ILanes<T> =>
            T.StoreBytes(output, T.AtMost(T.AtLeast(value, lowest), highest), zeroPoint);
    }

    private readonly struct DividedResult : IResult
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store<T>(T value, byte* output, T lowest, T highest, int zeroPoint, in Int8Epilogue constants) where T : struct, ILanes<T>
        {
            value = T.DivideQuickly(value, T.Broadcast(constants.OutputDivisor), T.Broadcast(constants.OutputDivision.High), T.Broadcast(constants.OutputDivision.Low));
            T.StoreBytes(output, T.AtMost(T.AtLeast(value, lowest), highest), zeroPoint);
        }
    }

    private readonly struct AnyResult : IResult
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store<T>(T value, byte* output, T lowest, T highest, int zeroPoint, in Int8Epilogue constants) where T : struct, ILanes<T>
        {
            value = Int8Activation.Apply(constants.Activation, value, T.Broadcast(constants.ActivationA), T.Broadcast(constants.ActivationB));
            if (constants.OutputDivisor != 1) value /= T.Broadcast(constants.OutputDivisor);
            if (constants.IsFloatOutput) T.Store((float*)output, value);
            else T.StoreBytes(output, T.AtMost(T.AtLeast(value, lowest), highest), zeroPoint);
        }
    }
}
