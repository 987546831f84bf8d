namespace Pith.Kernels.Int8;

/// <summary>One float: the specification of <see cref="ILanes{T}"/>, and what reference layers compute with.</summary>
internal readonly unsafe struct ScalarLane(float value) : ILanes<ScalarLane>
{
    public float Value { get; } = value;

    public static int Count => 1;

    public static ScalarLane Broadcast(float value) => new(value);

    public static ScalarLane Load(float* source) => new(*source);

    public static void Store(float* destination, ScalarLane value) => *destination = value.Value;

    public static ScalarLane FromInts(int* source) => new(*source);

    public static ScalarLane FromBytes(byte* source, int zeroPoint) => new(*source - zeroPoint);

    public static void StoreBytes(byte* destination, ScalarLane value, int zeroPoint) => *destination = (byte)((int)MathF.Round(value.Value, MidpointRounding.ToEven) + zeroPoint);

    public static void StorePixels(byte* destination, ScalarLane first, ScalarLane second, ScalarLane third, int zeroPoint)
    {
        StoreBytes(destination, first, zeroPoint);
        StoreBytes(destination + 1, second, zeroPoint);
        StoreBytes(destination + 2, third, zeroPoint);
        destination[3] = 0;
    }

    public static ScalarLane operator +(ScalarLane left, ScalarLane right) => new(left.Value + right.Value);

    public static ScalarLane operator -(ScalarLane left, ScalarLane right) => new(left.Value - right.Value);

    public static ScalarLane operator *(ScalarLane left, ScalarLane right) => new(left.Value * right.Value);

    public static ScalarLane operator /(ScalarLane left, ScalarLane right) => new(left.Value / right.Value);

    public static ScalarLane DivideQuickly(ScalarLane x, ScalarLane divisor, ScalarLane high, ScalarLane low) => x / divisor;

    public static ScalarLane AtLeast(ScalarLane x, ScalarLane bound) => x.Value > bound.Value ? x : bound;

    public static ScalarLane AtMost(ScalarLane x, ScalarLane bound) => x.Value < bound.Value ? x : bound;

    public static ScalarLane SelectNegative(ScalarLane x, ScalarLane negative, ScalarLane other) => x.Value < 0 ? negative : other;

    public static ScalarLane Round(ScalarLane x) => new(MathF.Round(x.Value, MidpointRounding.ToEven));

    public static ScalarLane PowerOfTwo(ScalarLane n) => new(BitConverter.Int32BitsToSingle(((int)n.Value + 127) << 23));
}
